// Which doors are open, for which clients and until when: a copy of the kernel's sets, with 32 bytes for each opening. The log
// needs it to report that a door has closed, and it restores a table that somebody has flushed. It is an open-addressing hash
// table. Each door has a number and is known by its comment, because that is its name in the kernel.

import type { Address } from "../net/address.ts";

export interface OpenTime {
  /** The door's comment (element.ts). */
  readonly door: string;
  readonly address: Address;
  /** When it closes, in seconds of the monotonic clock. Infinity: when it is closed by hand. */
  readonly until: number;
}

const LEAST_SLOTS = 64;
const WORDS = 5;

export class OpenTimes {
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();
  /** Five words per slot: the four words of the address, and the door's number plus 1, or 0 if the slot is free. */
  #keys = new Int32Array(LEAST_SLOTS * WORDS);
  /** The `until` of each slot. */
  #until = new Float64Array(LEAST_SLOTS);
  #size = 0;
  #earliest = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#size;
  }

  /** No door closes before this time. Infinity if none closes. May be too early, never too late. */
  get earliest(): number {
    return this.#earliest;
  }

  get(door: string, address: Address): number | undefined {
    const slot = this.#find(this.#number(door), address);
    return this.#keys[slot * WORDS + 4] === 0 ? undefined : this.#until[slot];
  }

  set(door: string, address: Address, until: number): void {
    this.#set(this.#number(door), address, until);
    if (until < this.#earliest) this.#earliest = until;
  }

  delete(door: string, address: Address): void {
    let free = this.#find(this.#number(door), address);
    if (this.#keys[free * WORDS + 4] === 0) return;
    this.#size--;
    const mask = this.#until.length - 1;
    // The entries behind the free slot move up, unless an entry would move in front of the slot of its hash.
    for (let next = (free + 1) & mask; this.#keys[next * WORDS + 4] !== 0; next = (next + 1) & mask) {
      const home = this.#home(next * WORDS);
      if (((next - home) & mask) < ((next - free) & mask)) continue;
      this.#keys.copyWithin(free * WORDS, next * WORDS, next * WORDS + WORDS);
      this.#until[free] = this.#until[next]!;
      free = next;
    }
    this.#keys[free * WORDS + 4] = 0;
    if (this.#until.length > LEAST_SLOTS && this.#size * 8 < this.#until.length) this.#resize(this.#until.length / 2);
  }

  /** Removes and returns the openings that are over. */
  expire(now: number): OpenTime[] {
    const ended = [...this].filter(({ until }) => until <= now);
    for (const { door, address } of ended) this.delete(door, address);
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const { until } of this) this.#earliest = Math.min(this.#earliest, until);
    return ended;
  }

  clear(): void {
    this.#keys = new Int32Array(LEAST_SLOTS * WORDS);
    this.#until = new Float64Array(LEAST_SLOTS);
    this.#size = 0;
    this.#earliest = Number.POSITIVE_INFINITY;
  }

  /** In no order. An opening that is added or deleted meanwhile may be missed or come twice. */
  *[Symbol.iterator](): Generator<OpenTime> {
    for (const { number, address, until } of this.#slots()) yield { door: this.#names[number]!, address, until };
  }

  *#slots(): Generator<{ readonly number: number; readonly address: Address; readonly until: number }> {
    const [keys, until] = [this.#keys, this.#until];
    for (let slot = 0, at = 0; slot < until.length; slot++, at += WORDS) {
      if (keys[at + 4] === 0) continue;
      const address = { w0: keys[at]!, w1: keys[at + 1]!, w2: keys[at + 2]!, w3: keys[at + 3]! };
      yield { number: keys[at + 4]! - 1, address, until: until[slot]! };
    }
  }

  #number(door: string): number {
    let number = this.#numbers.get(door);
    if (number === undefined) {
      number = this.#names.push(door) - 1;
      this.#numbers.set(door, number);
    }
    return number;
  }

  #set(number: number, address: Address, until: number): void {
    if (this.#size * 4 >= this.#until.length * 3) this.#resize(this.#until.length * 2);
    const slot = this.#find(number, address);
    if (this.#keys[slot * WORDS + 4] === 0) this.#size++;
    const { w0, w1, w2, w3 } = address;
    const at = slot * WORDS;
    this.#keys[at] = w0;
    this.#keys[at + 1] = w1;
    this.#keys[at + 2] = w2;
    this.#keys[at + 3] = w3;
    this.#keys[at + 4] = number + 1;
    this.#until[slot] = until;
  }

  /** The slot of this opening, or the free slot where it belongs. */
  #find(door: number, { w0, w1, w2, w3 }: Address): number {
    const [keys, mask] = [this.#keys, this.#until.length - 1];
    for (let slot = hash(w0, w1, w2, w3, door + 1) & mask; ; slot = (slot + 1) & mask) {
      const at = slot * WORDS;
      if (keys[at + 4] === 0) return slot;
      if (keys[at + 3] !== w3 || keys[at + 4] !== door + 1) continue;
      if (keys[at] === w0 && keys[at + 1] === w1 && keys[at + 2] === w2) return slot;
    }
  }

  #home(at: number): number {
    const keys = this.#keys;
    return hash(keys[at]!, keys[at + 1]!, keys[at + 2]!, keys[at + 3]!, keys[at + 4]!) & (this.#until.length - 1);
  }

  #resize(slots: number): void {
    const all = [...this.#slots()];
    this.#keys = new Int32Array(slots * WORDS);
    this.#until = new Float64Array(slots);
    this.#size = 0;
    for (const { number, address, until } of all) this.#set(number, address, until);
  }
}

/** No keyed hash is needed: an attacker cannot add addresses, because each has completed a sequence. */
// biome-ignore lint/complexity/useMaxParams: the words of a key, from typed arrays
function hash(w0: number, w1: number, w2: number, w3: number, door: number): number {
  let h = 0x811c9dc5;
  for (const word of [w0, w1, w2, w3, door]) h = mix(h ^ word);
  return h >>> 0;
}

function mix(h: number): number {
  const a = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  const b = Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return b ^ (b >>> 16);
}
