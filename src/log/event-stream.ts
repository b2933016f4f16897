// The subscribers of events, such as `knockctl watch`. Usually there are none, and then this costs nothing.

import { type DaemonEvent, daemonEventOf } from "../events/daemon-event.ts";
import type { KnockEvent } from "../events/knock-event.ts";
import { wallClock } from "../platform/wall-clock.ts";

export type Subscriber = (daemonEvent: DaemonEvent, time: Date) => void;

/** Limits the JSON that a subscriber gets in a flood. Verdicts have a limit of their own: they cannot displace other events. */
const MAX_A_SECOND = { happenings: 500, verdicts: 100 } as const;
const SECOND_MS = 1000;

export class EventStream {
  readonly #watchers = new Set<Subscriber>();
  readonly #now: () => number;
  #secondBegan = Number.NEGATIVE_INFINITY;
  readonly #told = { happenings: 0, verdicts: 0 };
  #heldBack = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `now` in milliseconds, monotonic. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Is there a subscriber? If not, callers can skip `knock` and `verdict`. */
  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }

  /** Returns a function that ends the subscription. */
  subscribe(watcher: Subscriber): () => void {
    const mine: Subscriber = (daemonEvent, time) => watcher(daemonEvent, time);
    this.#watchers.add(mine);
    return () => void this.#watchers.delete(mine);
  }

  /** `at`: the time of the packet or of the timeout that caused the event. */
  knock(event: KnockEvent, at = this.#now()): void {
    if (this.#isRoom("happenings")) this.#toAll(daemonEventOf(event), at);
  }

  tell(daemonEvent: DaemonEvent): void {
    if (this.#isRoom("happenings")) this.#toAll(daemonEvent, this.#now());
  }

  /** `daemonEvent` is called only if there is a subscriber. `at`: the time of its packet. */
  verdict(daemonEvent: () => DaemonEvent, at = this.#now()): void {
    if (this.#isRoom("verdicts")) this.#toAll(daemonEvent(), at);
  }

  #isRoom(kind: keyof typeof MAX_A_SECOND): boolean {
    if (!this.isWatched) return false;
    const now = this.#now();
    if (now - this.#secondBegan >= SECOND_MS) {
      this.#secondBegan = now;
      this.#told.happenings = 0;
      this.#told.verdicts = 0;
    }
    if (this.#told[kind]++ < MAX_A_SECOND[kind]) return true;
    this.#heldBack++;
    this.#timer ??= setTimeout(() => this.#tellHeldBack(), this.#secondBegan + SECOND_MS - now).unref();
    return false;
  }

  #tellHeldBack(): void {
    this.#timer = undefined;
    this.#toAll({ event: "held back", count: this.#heldBack, kind: "any" }, this.#now());
    this.#heldBack = 0;
  }

  #toAll(daemonEvent: DaemonEvent, at: number): void {
    const time = new Date(wallClock.at(at));
    for (const watcher of this.#watchers) watcher(daemonEvent, time);
  }
}
