// Counts the wrong codes of each source at each door. Three within Ban_Time ban the source for Ban_Time.

import { type Address, isIpv4 } from "../net/address.ts";
import { masked } from "../net/network.ts";
import { Bans } from "./bans.ts";
import { Cooldowns, cooldownKey } from "./cooldowns.ts";
import type { DoorState } from "./door-state.ts";

const MAX_WRONG = 3;
/** The prefix that an IPv6 client gets from its provider. It can send from any address in it. */
const IPV6_PREFIX = 56;

export class WrongCodes {
  readonly bans = new Bans();
  /** The sources with at least one wrong code, and those with at least two. */
  readonly #counts = [new Cooldowns(), new Cooldowns()] as const;

  /** Forgets the wrong codes and lifts the ban, because the source has sent a right one. */
  forgive(hash: number, state: DoorState, now: number): void {
    const key = cooldownKey(hash, state);
    for (const count of this.#counts) if (count.isActive(key, now)) count.set(key, now);
    this.bans.lift(hash, state, now);
  }

  /** Counts a wrong code. Returns whether the source is banned from now on. */
  add(hash: number, state: DoorState, now: number): boolean {
    const key = cooldownKey(hash, state);
    const before = this.#counts.filter((count) => count.isActive(key, now)).length;
    if (before + 1 < MAX_WRONG) {
      this.#counts[before]!.set(key, now + 1000 * state.door.policy.banTime);
      return false;
    }
    this.bans.add(hash, state, now, !this.bans.mayTryAgain(hash, state, now));
    return true;
  }
}

/** The address whose hash wrong codes are counted by: the /56 of an IPv6 source. */
export function sourceNetwork(source: Address): Address {
  return isIpv4(source) ? source : masked(source, IPV6_PREFIX);
}
