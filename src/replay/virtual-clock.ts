// The clock of a replay: it follows the times of the packets, and calls the timers that become due in between.

import TinyQueue from "tinyqueue";

/** A callback that waits for its time. */
interface Timer {
  readonly due: number;
  /** Timers that are due at the same time are called in this order. */
  readonly number: number;
  /** Undefined: cancelled. */
  callback: (() => void) | undefined;
}

/** Packets out of order differ by less. A larger step back means that the clock was set. */
const MAX_DISORDER_MS = 1000;

/**
 * Milliseconds since the first packet, as on the daemon's monotonic clock, which never goes back. The wall clock of a capture
 * may go back.
 */
export class VirtualClock {
  #now = 0;
  /** Seconds since 1970 at which `now` is 0. */
  #origin: number | undefined;
  readonly #timers = new TinyQueue<Timer>([], (a, b) => a.due - b.due || a.number - b.number);
  #lastNumber = 0;

  get now(): number {
    return this.#now;
  }

  /** Seconds since 1970, to the microsecond. */
  get time(): number {
    return Math.round(1e6 * (this.#origin ?? 0) + 1000 * this.#now) / 1e6;
  }

  /** Converts a packet's time (seconds since 1970) to the time of this clock. `advanceTo` then advances the clock. */
  at(time: number): number {
    this.#origin ??= time;
    const at = 1000 * (time - this.#origin);
    if (at >= this.#now) return at;
    // The clock was set back. Continue from the current time.
    if (this.#now - at > MAX_DISORDER_MS) this.#origin = time - this.#now / 1000;
    return this.#now;
  }

  advanceTo(now: number): void {
    this.#now = Math.max(this.#now, now);
  }

  /** When the next timer is due. Infinity if there is none. */
  get due(): number {
    while (this.#timers.peek()?.callback === undefined && this.#timers.length > 0) this.#timers.pop();
    return this.#timers.peek()?.due ?? Number.POSITIVE_INFINITY;
  }

  /** Calls `callback` after this many seconds, unless it is cancelled. */
  after(seconds: number, callback: () => void): { cancel(): void } {
    const timer: Timer = { due: this.#now + 1000 * seconds, number: ++this.#lastNumber, callback };
    this.#timers.push(timer);
    return { cancel: () => void (timer.callback = undefined) };
  }

  /** Calls the timer that is `due`. */
  runNext(): void {
    this.#timers.pop()?.callback?.();
  }
}
