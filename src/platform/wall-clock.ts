// Converts times of the monotonic clock to wall-clock times. The difference of both clocks is measured when a packet comes, and
// kept. So every command shows the same time for a packet, even if the wall clock has been set since.

/** If the difference changes by this much, the wall clock was set, or has run faster or slower for a long time. */
const SET_MS = 10;
/** How many differences are kept. Older times use the oldest one. */
const MAX = 1024;

interface Epoch {
  /** Valid from this time of the monotonic clock on, in milliseconds. */
  readonly since: number;
  /** Added to a monotonic time, it gives milliseconds since 1970. */
  readonly offset: number;
}

export class WallClock {
  readonly #offset: () => number;
  #epochs: Epoch[];

  /** `offset` returns the current difference: wall clock minus monotonic clock. */
  constructor(offset = () => Date.now() - performance.now()) {
    this.#offset = offset;
    this.#epochs = [{ since: Number.NEGATIVE_INFINITY, offset: offset() }];
  }

  /** Measures the difference now, because something happens at `now`. */
  look(now: number): void {
    const offset = this.#offset();
    if (Math.abs(offset - this.#epochs.at(-1)!.offset) < SET_MS) return;
    this.#epochs.push({ since: now, offset });
    if (this.#epochs.length > MAX) this.#epochs.shift();
  }

  /** The wall-clock time of a moment, in milliseconds since 1970. */
  at(moment: number): number {
    let i = this.#epochs.length - 1;
    while (i > 0 && this.#epochs[i]!.since > moment) i--;
    return Math.round(moment + this.#epochs[i]!.offset);
  }
}

/** The clock of the daemon. */
export const wallClock = new WallClock();
