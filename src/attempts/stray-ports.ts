// The stray ports of each attempt: ports that its source touches in the middle of a sequence and that are no knocks. A port
// scan touches all ports, and so also the right ones in the right order. An honest client touches none, or a few.
// Each attempt has its own set, so that no other source can displace it. The set has 64 bits, and a keyed hash of the port
// chooses the bit. If two ports share a bit, a scanner gets one port more, but no client counts as a scanner too early.

// One word per attempt beside its set: the TTL of its first knock, and these flags.
const TTL_MASK = 0xff;
/** The TTLs of its knocks differ, so the TTL says nothing. */
const MIXED = 0x100;
/** It began while its source was banned. */
const SILENT = 0x200;
/** Its sets are in use. Otherwise they still hold the bits of the attempt that had this number before. */
const TOUCHED = 0x400;

/** Four words per attempt: the ports touched with a TTL near that of the first knock, and with any TTL. */
const [WORDS, NEAR, ANY] = [4, 0, 2] as const;

/** The sets of a pool of attempts, by the attempt's number. */
export class StrayPorts {
  readonly #origins: Uint16Array;
  /** Empty before the first stray (attempt-pool.ts says why). */
  #sets = new Int32Array(0);

  constructor(capacity: number) {
    this.#origins = new Uint16Array(capacity);
  }

  /** For the pool, which gives their memory back. Then no attempt has a set. */
  get buffers(): ArrayBuffer[] {
    return [this.#origins.buffer as ArrayBuffer, this.#sets.buffer as ArrayBuffer];
  }

  /** Begins an attempt whose first knock has this TTL. */
  begin(attempt: number, ttl: number, isSilent: boolean): void {
    this.#origins[attempt] = ttl | (isSilent ? SILENT : 0);
  }

  isSilent(attempt: number): boolean {
    return (this.#origins[attempt]! & SILENT) !== 0;
  }

  /**
   * Records the TTL of the next knock. If it is not near that of the first, strays of any TTL count, also earlier ones.
   * Returns whether there are any.
   */
  knock(attempt: number, ttl: number): boolean {
    const origin = this.#origins[attempt]!;
    if (!isNear(origin, ttl)) this.#origins[attempt] = origin | MIXED;
    return (origin & TOUCHED) !== 0;
  }

  /** Records a stray by the bit of its port. With a TTL that shows another way through the network, it may be forged. */
  record(attempt: number, bit: number, ttl: number): void {
    const origin = this.#origins[attempt]!;
    const set = attempt * WORDS;
    if ((origin & TOUCHED) === 0) {
      if (this.#sets.length === 0) this.#sets = new Int32Array(this.#origins.length * WORDS);
      this.#sets.fill(0, set, set + WORDS);
      this.#origins[attempt] = origin | TOUCHED;
    }
    const word = bit >>> 5;
    const mask = 1 << (bit & 31);
    this.#sets[set + ANY + word]! |= mask;
    if (isNear(origin, ttl)) this.#sets[set + NEAR + word]! |= mask;
  }

  /** The number of ports that count. */
  count(attempt: number): number {
    const origin = this.#origins[attempt]!;
    if ((origin & TOUCHED) === 0) return 0;
    const set = attempt * WORDS + ((origin & MIXED) !== 0 ? ANY : NEAR);
    return bitsOf(this.#sets[set]!) + bitsOf(this.#sets[set + 1]!);
  }

  /** Has the attempt touched a stray port, with any TTL? */
  hasAny(attempt: number): boolean {
    return (this.#origins[attempt]! & TOUCHED) !== 0;
  }

  /** A copy of the attempt's set, as number 0. */
  copy(attempt: number): StrayPorts {
    const copy = new StrayPorts(1);
    copy.#origins[0] = this.#origins[attempt]!;
    if (this.hasAny(attempt)) copy.#sets = this.#sets.slice(attempt * WORDS, (attempt + 1) * WORDS);
    return copy;
  }
}

/** Chooses the bit of a port. Neighbouring ports have different bits: 64 in a row have all bits. */
export function strayBit([k0, k1]: readonly [number, number], knockKey: number): number {
  let h = Math.imul((knockKey >>> 6) ^ k0, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ k1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (knockKey + (h >>> 26)) & 63;
}

/**
 * Each router on the way subtracts one from the TTL. The ways of two packets from one source seldom differ, and only by little.
 * An attacker who forges that source is somewhere else.
 */
function isNear(origin: number, ttl: number): boolean {
  return Math.abs((origin & TTL_MASK) - ttl) <= 1;
}

function bitsOf(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}
