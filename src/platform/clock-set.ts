import { native } from "./native.ts";

/** Is the clock of this host synchronised, by chrony or another program? */
export function isClockSet(): boolean {
  return native.isClockSet();
}
