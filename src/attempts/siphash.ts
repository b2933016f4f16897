// A keyed hash of addresses: HalfSipHash-1-3 (https://github.com/veorq/SipHash) of the four words.
// The key is secret. With a public hash, an attacker who forges source addresses could put a million attempts into one chain
// of the index, and each packet would have to walk it.

import type { Address } from "../net/address.ts";

/** The length of the input, 16 bytes, as SipHash puts it into the last word. */
const LENGTH = 0x10000000;
const IPV4_MARK = 0xffff;

export class HalfSipHash {
  /** The state before the first word, and the state after the three words that all IPv4 addresses share. */
  readonly #start: Int32Array;
  readonly #ipv4: Int32Array;

  readonly #last = { w0: 0, w1: 0, w2: 0, w3: 0 };
  #lastHash: number;

  /** Two random 32-bit words. */
  constructor([k0, k1]: readonly [number, number]) {
    this.#start = Int32Array.of(k0, k1, 0x6c796765 ^ k0, 0x74656462 ^ k1);
    this.#ipv4 = this.#start.slice();
    mix(this.#ipv4, 0, 3, { w0: 0, w1: 0, w2: IPV4_MARK, w3: 0 }, this.#ipv4);
    this.#lastHash = this.#compute(this.#last);
  }

  /** A 32-bit integer, negative ones included. */
  of(a: Address): number {
    // In a flood from one source, every packet but the first ends here.
    if (a.w3 === this.#last.w3 && a.w2 === this.#last.w2 && a.w1 === this.#last.w1 && a.w0 === this.#last.w0) {
      return this.#lastHash;
    }
    const last = this.#last;
    last.w0 = a.w0;
    last.w1 = a.w1;
    last.w2 = a.w2;
    last.w3 = a.w3;
    this.#lastHash = this.#compute(a);
    return this.#lastHash;
  }

  #compute(a: Address): number {
    if (a.w2 === IPV4_MARK && a.w1 === 0 && a.w0 === 0) return mix(this.#ipv4, 3, 8, a);
    return mix(this.#start, 0, 8, a);
  }
}

/** Rounds `from` to `to` of eight: four words, the length, then three to finish. The state goes into `result`, if given. */
// biome-ignore lint/complexity/useMaxParams: numbers for typed arrays, of every packet of a flood
function mix(state: Int32Array, from: number, to: number, a: Address, result?: Int32Array): number {
  let v0 = state[0]!;
  let v1 = state[1]!;
  let v2 = state[2]!;
  let v3 = state[3]!;
  for (let i = from; i < to; i++) {
    const word = i === 3 ? a.w3 : i === 4 ? LENGTH : i === 0 ? a.w0 : i === 1 ? a.w1 : i === 2 ? a.w2 : 0;
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
  result?.set([v0, v1, v2, v3]);
  return v1 ^ v3;
}
