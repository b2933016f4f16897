// Sources that have sent wrong codes: three within Ban_Time are ignored for as long. As with scans, one more try of a banned
// source counts, in silence, because whoever forges a client's address could have it banned.

import { type Address, isIpv4 } from "../net/address.ts";
import { masked } from "../net/network.ts";
import { Cooldowns, cooldownKey } from "./cooldowns.ts";
import type { DoorState } from "./door-index.ts";

const MAX_WRONG = 3;
/** What an IPv6 client gets from its provider: it may send from any address of it. */
const IPV6_PREFIX = 56;

export class WrongCodes {
  readonly #bans = new Cooldowns();
  /** Bans whose one more try is used. */
  readonly #tries = new Cooldowns();
  /** One wrong code, and two. */
  readonly #counts = [new Cooldowns(), new Cooldowns()] as const;

  isBanned(hash: number, state: DoorState, now: number): boolean {
    return this.#bans.isActive(cooldownKey(hash, state), now);
  }

  /** Milliseconds. */
  banLeft(hash: number, state: DoorState, now: number): number {
    return this.#bans.remaining(cooldownKey(hash, state), now);
  }

  mayTryAgain(hash: number, state: DoorState, now: number): boolean {
    return !this.#tries.isActive(cooldownKey(hash, state), now);
  }

  tryAgain(hash: number, state: DoorState, now: number): void {
    this.#tries.set(cooldownKey(hash, state), now + this.banLeft(hash, state, now));
  }

  /** A right code. */
  forgive(hash: number, state: DoorState, now: number): void {
    const key = cooldownKey(hash, state);
    for (const table of [this.#bans, this.#tries, ...this.#counts]) if (table.isActive(key, now)) table.set(key, now);
  }

  /** A wrong code. True when the source is banned from now on. */
  add(hash: number, state: DoorState, now: number): boolean {
    const key = cooldownKey(hash, state);
    const until = now + 1000 * state.door.policy.banTime;
    const before = this.#counts.filter((count) => count.isActive(key, now)).length;
    if (before + 1 < MAX_WRONG) {
      this.#counts[before]!.set(key, until);
      return false;
    }
    this.#bans.set(key, until);
    if (this.#tries.isActive(key, now)) this.#tries.set(key, until); // it was the one more try
    return true;
  }
}

/** What its wrong codes are counted by. */
export function sourceNetwork(source: Address): Address {
  return isIpv4(source) ? source : masked(source, IPV6_PREFIX);
}
