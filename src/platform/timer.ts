// Timers of any length. setTimeout takes at most about 24 days, and fires at once if the time is longer.

const LONGEST_MS = 0x7fff_ffff;

/** Resolves when the promise does, or after this many milliseconds. */
export async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([promise, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

/** Calls back after this many seconds of the monotonic clock, unless cancelled. */
export function after(seconds: number, callback: () => void): { cancel(): void } {
  return new Timer(seconds * 1000, callback);
}

/** A class: if `cancel` was a closure, V8 would discard the compiled code of the caller at each new timer. */
class Timer {
  #left: number;
  readonly #callback: () => void;
  #timer: NodeJS.Timeout;

  constructor(milliseconds: number, callback: () => void) {
    this.#left = milliseconds;
    this.#callback = callback;
    this.#timer = this.#next();
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }

  #next(): NodeJS.Timeout {
    const part = Math.min(this.#left, LONGEST_MS);
    this.#left -= part;
    return setTimeout(this.#left > 0 ? () => this.#wait() : this.#callback, part);
  }

  #wait(): void {
    this.#timer = this.#next();
  }
}
