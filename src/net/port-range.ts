/** From low to high, both included. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}
