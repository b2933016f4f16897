// A limit on a number of things, shared by all doors.

/** The last eighth is reserved for doors that use little, so that one door cannot use up the limit. */
export class SharedLimit {
  readonly #most: number;
  readonly #of = new Map<string, number>();
  #total = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get total(): number {
    return this.#total;
  }

  /** How many this door uses. */
  of(door: string): number {
    return this.#of.get(door) ?? 0;
  }

  hasFor(door: string): boolean {
    if (this.#total >= this.#most) return false;
    return this.#total < this.#most - this.#most / 8 || this.of(door) < this.#most / 64;
  }

  add(door: string): void {
    this.#total++;
    this.#of.set(door, this.of(door) + 1);
  }

  remove(door: string): void {
    const left = this.of(door) - 1;
    this.#total--;
    if (left > 0) this.#of.set(door, left);
    else this.#of.delete(door);
  }
}
