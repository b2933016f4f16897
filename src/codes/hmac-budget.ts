// Limits the HMACs for keys that are bound to an address: their codes differ by address and cannot be kept. Without a limit, a
// flood of guesses from forged addresses would delay all knocks.

import { type Address, isIpv4 } from "../net/address.ts";
import { masked } from "../net/network.ts";

/** In some 20 ms. */
const MAX_A_SECOND = 4000;
const SECOND_MS = 1000;
/** Sources are spread over these, and each has an equal part: one source alone does not take the part of the others. */
const SHARES = 64;
/** What an IPv6 client gets from its provider. */
const IPV6_PREFIX = 56;

export class HmacBudget {
  readonly #spent = new Uint32Array(SHARES);
  #total = 0;
  #second = Number.NEGATIVE_INFINITY;

  /** Spends `count` HMACs for a guess of `source`. False when there is nothing left for it. `now` in milliseconds, monotonic. */
  spend(count: number, source: Address, now: number): boolean {
    if (now - this.#second >= SECOND_MS) {
      this.#second = now;
      this.#total = 0;
      this.#spent.fill(0);
    }
    const share = shareOf(source);
    // The first guess of a share is allowed whatever it costs: a door may have more bound keys than a share has HMACs.
    if (this.#total >= MAX_A_SECOND || this.#spent[share]! >= MAX_A_SECOND / SHARES) return false;
    this.#total += count;
    this.#spent[share]! += count;
    return true;
  }
}

/** The upper six bits of a hash. An attacker who knows it gains nothing that more addresses would not give. */
function shareOf(source: Address): number {
  const { w0, w1, w2, w3 } = isIpv4(source) ? source : masked(source, IPV6_PREFIX);
  return Math.imul(w0 ^ Math.imul(w1, 0x85ebca6b) ^ w2 ^ Math.imul(w3, 0xc2b2ae35), 0x9e3779b1) >>> 26;
}
