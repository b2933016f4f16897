// Sources that a door ignores for a while. An attacker who forges a client's address can get that client banned. So one more
// try from a banned source counts: if it is right, the ban is over. Nothing is reported about this try until it succeeds. One
// try per ban does not help a scanner.

import { Cooldowns, cooldownKey } from "./cooldowns.ts";
import type { DoorState } from "./door-state.ts";

/** `hash` is that of the source. All times are in milliseconds of the clock of `now`. */
export class Bans {
  readonly #bans = new Cooldowns();
  /** Bans whose one more try is used up. */
  readonly #tries = new Cooldowns();

  isActive(hash: number, state: DoorState, now: number): boolean {
    return this.#bans.hasAny(now) && this.#bans.isActive(cooldownKey(hash, state), now);
  }

  /** The milliseconds that are left. 0 without a ban. */
  remaining(hash: number, state: DoorState, now: number): number {
    return this.#bans.remaining(cooldownKey(hash, state), now);
  }

  /** Is the one more try of a banned source unused? */
  mayTryAgain(hash: number, state: DoorState, now: number): boolean {
    return !this.#tries.isActive(cooldownKey(hash, state), now);
  }

  /** A banned source uses its one more try. */
  tryAgain(hash: number, state: DoorState, now: number): void {
    this.#tries.set(cooldownKey(hash, state), now + this.remaining(hash, state, now));
  }

  /** Bans the source for the door's Ban_Time, or again from now on. `isTryUsed`: this was its one more try. */
  add(hash: number, state: DoorState, now: number, isTryUsed = false): void {
    const key = cooldownKey(hash, state);
    const end = now + 1000 * state.door.policy.banTime;
    this.#bans.set(key, end);
    if (isTryUsed) this.#tries.set(key, end);
  }

  /** Ends the ban, because the source has completed the sequence. */
  lift(hash: number, state: DoorState, now: number): void {
    const key = cooldownKey(hash, state);
    for (const table of [this.#bans, this.#tries]) if (table.isActive(key, now)) table.set(key, now);
  }
}
