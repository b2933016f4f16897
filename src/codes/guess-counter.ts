// Counts the wrong codes of the last 24 hours, in steps of an hour. Single guesses are not remembered.

const HOURS = 24;
const HOUR_MS = 3_600_000;

export class GuessCounter {
  readonly #hours = new Array<number>(HOURS).fill(0);
  /** The hour of the latest count. */
  #hour = 0;
  #total = 0;

  /** Wrong codes from before a restart count as if they came now. */
  constructor(earlier = 0, now = 0) {
    this.add(now, earlier);
  }

  /** `now` in monotonic milliseconds. Returns the new count. */
  add(now: number, count = 1): number {
    this.#advanceTo(now);
    this.#hours[this.#hour % HOURS]! += count;
    this.#total += count;
    return this.#total;
  }

  count(now: number): number {
    this.#advanceTo(now);
    return this.#total;
  }

  #advanceTo(now: number): void {
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
