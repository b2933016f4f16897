// How many wrong codes have come within 24 hours, in hourly steps: nothing of a single guess is kept.

const HOURS = 24;
const HOUR_MS = 3_600_000;

export class GuessCounter {
  readonly #hours = new Array<number>(HOURS).fill(0);
  /** The hour of the newest count. */
  #hour = 0;
  #total = 0;

  /** Those of an earlier life count as if they came now. */
  constructor(earlier = 0, now = 0) {
    this.add(now, earlier);
  }

  /** `now` in milliseconds, monotonic. Returns how many there are now. */
  add(now: number, count = 1): number {
    this.#passTo(now);
    this.#hours[this.#hour % HOURS]! += count;
    this.#total += count;
    return this.#total;
  }

  count(now: number): number {
    this.#passTo(now);
    return this.#total;
  }

  #passTo(now: number): void {
    const hour = Math.floor(now / HOUR_MS);
    if (hour - this.#hour >= HOURS) {
      this.#hours.fill(0);
      this.#total = 0;
      this.#hour = hour;
    }
    while (this.#hour < hour) {
      this.#hour++;
      this.#total -= this.#hours[this.#hour % HOURS]!;
      this.#hours[this.#hour % HOURS] = 0;
    }
  }
}
