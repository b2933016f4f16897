// The wall-clock time of moments of the monotonic clock. By how much the two differ is found out when a packet comes, and
// kept for it: every command shows the same time of the same packet, also when the wall clock was set meanwhile.

/** A difference this large means that the wall clock was set, or has been slowed down or sped up for long. */
const SET_MS = 10;
/** So many differences are kept; what is older than the oldest is told by it. */
const MAX = 1024;

interface Epoch {
  /** Milliseconds of the monotonic clock. */
  readonly since: number;
  /** Add it for milliseconds since 1970. */
  readonly offset: number;
}

export class WallClock {
  readonly #offset: () => number;
  #epochs: Epoch[];

  /** `offset`: how much later than the monotonic clock the wall clock is, now. */
  constructor(offset = () => Date.now() - performance.now()) {
    this.#offset = offset;
    this.#epochs = [{ since: Number.NEGATIVE_INFINITY, offset: offset() }];
  }

  /** Something happens now: from now on as the wall clock shows. */
  look(now: number): void {
    const offset = this.#offset();
    if (Math.abs(offset - this.#epochs.at(-1)!.offset) < SET_MS) return;
    this.#epochs.push({ since: now, offset });
    if (this.#epochs.length > MAX) this.#epochs.shift();
  }

  /** Milliseconds since 1970. */
  at(moment: number): number {
    let i = this.#epochs.length - 1;
    while (i > 0 && this.#epochs[i]!.since > moment) i--;
    return Math.round(moment + this.#epochs[i]!.offset);
  }
}

/** The daemon's. */
export const wallClock = new WallClock();
