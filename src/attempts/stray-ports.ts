// The ports that a source in the middle of a sequence touches and that are no knocks. A port scan touches all ports, and so
// also the right ones in the right order. An honest client touches none, or a few.
// Each attempt has its own count, so that no other source can displace it. It is a set of 64 bits, in which a keyed hash of
// the port chooses the bit. Two ports may share a bit: then the scanner gets one port more, and nobody is taken for a
// scanner too early.

// What is known of an attempt beside its set: the TTL of its first knock, and these.
const TTL_MASK = 0xff;
/** Its knocks disagree about the TTL, so that the TTL says nothing. */
const MIXED = 0x100;
/** It began while its source was banned. */
const SILENT = 0x200;
/** Its sets are in use. Those of a new attempt still hold what the attempt before it at this place has left. */
const TOUCHED = 0x400;

/** Of each attempt, four words: the ports touched from near, and those touched from anywhere. */
const [WORDS, NEAR, ANY] = [4, 0, 2] as const;

/** The sets of a pool of attempts, by the attempt's number. */
export class StrayPorts {
  readonly #origins: Uint16Array;
  readonly #sets: Int32Array;

  constructor(capacity: number) {
    this.#origins = new Uint16Array(capacity);
    this.#sets = new Int32Array(capacity * WORDS);
  }

  /** For who gives their memory back. The sets are then those of no attempt. */
  get buffers(): ArrayBuffer[] {
    return [this.#origins.buffer as ArrayBuffer, this.#sets.buffer as ArrayBuffer];
  }

  /** A new attempt, whose first knock has this TTL. */
  begin(attempt: number, ttl: number, isSilent: boolean): void {
    this.#origins[attempt] = ttl | (isSilent ? SILENT : 0);
  }

  isSilent(attempt: number): boolean {
    return (this.#origins[attempt]! & SILENT) !== 0;
  }

  /** The attempt's next knock. If it comes from elsewhere, strays from anywhere count from now on, also those of before. */
  knock(attempt: number, ttl: number): void {
    if (!isNear(this.#origins[attempt]!, ttl)) this.#origins[attempt]! |= MIXED;
  }

  /** A stray, by the bit of its port. If its TTL shows another way through the network, it may be forged and does not count. */
  record(attempt: number, bit: number, ttl: number): void {
    const origin = this.#origins[attempt]!;
    const set = attempt * WORDS;
    if ((origin & TOUCHED) === 0) {
      this.#sets.fill(0, set, set + WORDS);
      this.#origins[attempt] = origin | TOUCHED;
    }
    const word = bit >>> 5;
    const mask = 1 << (bit & 31);
    this.#sets[set + ANY + word]! |= mask;
    if (isNear(origin, ttl)) this.#sets[set + NEAR + word]! |= mask;
  }

  /** How many ports count. */
  count(attempt: number): number {
    const origin = this.#origins[attempt]!;
    if ((origin & TOUCHED) === 0) return 0;
    const set = attempt * WORDS + ((origin & MIXED) !== 0 ? ANY : NEAR);
    return bitsOf(this.#sets[set]!) + bitsOf(this.#sets[set + 1]!);
  }

  /** A copy of the attempt's, as number 0. */
  copy(attempt: number): StrayPorts {
    const copy = new StrayPorts(1);
    copy.#origins[0] = this.#origins[attempt]!;
    copy.#sets.set(this.#sets.subarray(attempt * WORDS, (attempt + 1) * WORDS));
    return copy;
  }
}

/** Chooses the bit of a port. `knockKey` is of door-index.ts. Neighbouring ports have different bits: 64 in a row have them all. */
export function strayBit([k0, k1]: readonly [number, number], knockKey: number): number {
  let h = Math.imul((knockKey >>> 6) ^ k0, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ k1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (knockKey + (h >>> 26)) & 63;
}

/**
 * Each router on the way takes one from the TTL, and the way of two packets of one source differs seldom, and by little.
 * An attacker who forges that source sits elsewhere.
 */
function isNear(origin: number, ttl: number): boolean {
  return Math.abs((origin & TTL_MASK) - ttl) <= 1;
}

function bitsOf(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}
