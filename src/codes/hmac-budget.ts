// Limits the HMACs for keys that are bound to an address. Their codes differ by address, so they cannot be cached.
// Without a limit, a flood of guesses from forged addresses would delay all knocks.

import { type Address, isIpv4 } from "../net/address.ts";
import { masked } from "../net/network.ts";

/** They take about 20 ms. */
const MAX_A_SECOND = 4000;
const SECOND_MS = 1000;
/** Sources are spread over equal shares, so that one source cannot use up the budget of the others. */
const SHARES = 64;
/** The usual size of an IPv6 customer network. */
const IPV6_PREFIX = 56;

export class HmacBudget {
  readonly #spent = new Uint32Array(SHARES);
  #total = 0;
  #second = Number.NEGATIVE_INFINITY;

  /**
   * Spends `count` HMACs on a guess from `source`. Returns false if the budget is used up. `now` in monotonic
   * milliseconds.
   */
  spend(count: number, source: Address, now: number): boolean {
    if (now - this.#second >= SECOND_MS) {
      this.#second = now;
      this.#total = 0;
      this.#spent.fill(0);
    }
    const share = shareOf(source);
    // The first guess of a share is always allowed: a door may have more bound keys than a share has HMACs.
    if (this.#total >= MAX_A_SECOND || this.#spent[share]! >= MAX_A_SECOND / SHARES) return false;
    this.#total += count;
    this.#spent[share]! += count;
    return true;
  }
}

/**
 * The upper six bits of a hash. It is not keyed: an attacker gains no more from knowing it than from using more
 * addresses.
 */
function shareOf(source: Address): number {
  const { w0, w1, w2, w3 } = isIpv4(source) ? source : masked(source, IPV6_PREFIX);
  return Math.imul(w0 ^ Math.imul(w1, 0x85ebca6b) ^ w2 ^ Math.imul(w3, 0xc2b2ae35), 0x9e3779b1) >>> 26;
}
