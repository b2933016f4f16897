// A keyed hash of addresses: HalfSipHash-1-3 (https://github.com/veorq/SipHash) of the four words.
// The key is secret: with a hash known to all, a stranger who forges source addresses could put a million attempts into
// one chain of the index and make each packet walk it.

import type { Address } from "../address.ts";

export class AddressHash {
  readonly #k0: number;
  readonly #k1: number;

  /** Two random 32-bit words. */
  constructor(key: readonly [number, number]) {
    this.#k0 = key[0] | 0;
    this.#k1 = key[1] | 0;
  }

  /** A 32-bit integer, negative ones included. */
  of(a: Address): number {
    let v0 = this.#k0;
    let v1 = this.#k1;
    let v2 = 0x6c796765 ^ this.#k0;
    let v3 = 0x74656462 ^ this.#k1;
    for (let i = 0; i < 8; i++) {
      // four words, the length, then three rounds to finish
      const word = i === 0 ? a.w0 : i === 1 ? a.w1 : i === 2 ? a.w2 : i === 3 ? a.w3 : i === 4 ? 0x10000000 : 0;
      if (i === 5) v2 ^= 0xff;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    return v1 ^ v3;
  }
}
