// The clock of a replay: the times of its packets, and the timers that wait for them.

import TinyQueue from "tinyqueue";

/** What waits. */
interface Timer {
  readonly due: number;
  /** Timers that are due at one time are called in the order of these. */
  readonly number: number;
  /** Undefined: cancelled. */
  callback: (() => void) | undefined;
}

/** Packets of one moment come out of order by less; a clock that was set back goes back by more. */
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

  /** When a packet of this time (seconds since 1970) comes. `passTo` brings us there. */
  at(time: number): number {
    this.#origin ??= time;
    const at = 1000 * (time - this.#origin);
    if (at >= this.#now) return at;
    // The clock was set back: the time goes on from here.
    if (this.#now - at > MAX_DISORDER_MS) this.#origin = time - this.#now / 1000;
    return this.#now;
  }

  passTo(now: number): void {
    this.#now = Math.max(this.#now, now);
  }

  /** When the next timer is due; Infinity when there is none. */
  get due(): number {
    while (this.#timers.peek()?.callback === undefined && this.#timers.length > 0) this.#timers.pop();
    return this.#timers.peek()?.due ?? Number.POSITIVE_INFINITY;
  }

  /** Calls back after this many seconds, unless cancelled. */
  after(seconds: number, callback: () => void): { cancel(): void } {
    const timer: Timer = { due: this.#now + 1000 * seconds, number: ++this.#lastNumber, callback };
    this.#timers.push(timer);
    return { cancel: () => void (timer.callback = undefined) };
  }

  /** Calls the timer back that is `due`. */
  fire(): void {
    this.#timers.pop()?.callback?.();
  }
}
