// The time of a capture: that of its packets, and what waits for a time to come.

/** What waits. */
interface Timer {
  readonly due: number;
  /** Undefined: cancelled. */
  callback: (() => void) | undefined;
}

/** Packets of one moment come out of order by less; a clock that was set back goes back by more. */
const MOST_DISORDER_MS = 1000;

/**
 * Milliseconds since the first packet, as the daemon's monotonic clock would have them: it never goes back. A capture's
 * clock may: it is the wall's.
 */
export class VirtualClock {
  #now = 0;
  /** Seconds since 1970 at which `now` is 0. */
  #origin: number | undefined;
  /** A heap: none is due before the one at half its place. */
  readonly #timers: Timer[] = [];

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
    if (this.#now - at > MOST_DISORDER_MS) this.#origin = time - this.#now / 1000;
    return this.#now;
  }

  passTo(now: number): void {
    this.#now = Math.max(this.#now, now);
  }

  /** When the next timer is due; Infinity when there is none. */
  get due(): number {
    while (this.#timers.length > 0 && this.#timers[0]!.callback === undefined) this.#take();
    return this.#timers[0]?.due ?? Number.POSITIVE_INFINITY;
  }

  /** Calls back when so many seconds have passed, unless cancelled. */
  after(seconds: number, callback: () => void): { cancel(): void } {
    const timer: Timer = { due: this.#now + 1000 * seconds, callback };
    const timers = this.#timers;
    let at = timers.push(timer) - 1;
    for (let above = (at - 1) >> 1; at > 0 && timers[above]!.due > timer.due; above = (at - 1) >> 1) {
      timers[at] = timers[above]!;
      timers[above] = timer;
      at = above;
    }
    return { cancel: () => void (timer.callback = undefined) };
  }

  /** Calls the timer that is `due` back. */
  fire(): void {
    this.#take().callback?.();
  }

  /** The one that is due first, which waits no longer. There is one. */
  #take(): Timer {
    const timers = this.#timers;
    const first = timers[0]!;
    const last = timers.pop()!;
    if (timers.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below + 1 < timers.length && timers[below + 1]!.due < timers[below]!.due) below++;
      if (below >= timers.length || timers[below]!.due >= last.due) break;
      timers[at] = timers[below]!;
      at = below;
    }
    timers[at] = last;
    return first;
  }
}
