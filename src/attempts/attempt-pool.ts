// Stores the live attempts: a fixed pool of slots in typed arrays. Attempts are found by their source address, and queued in
// the order in which they began. A million of them take 40 MB (IPv4) or 52 MB (IPv6). Objects in a Map would take five times
// as much, and in a flood their garbage collection would stop the loop. Few attempts take hardly any memory, because the
// system gives a page of an array only when it is written (test/attempt-pool.test.ts, bench/).
// What few hosts need is made at its first use: with more than 64 MB of arrays, V8 collects garbage at the start (6 of 95 ms).
// Everything is O(1). Nothing here knows a rule about knocks.

import type { Address } from "../net/address.ts";
import { GuessedPorts } from "./guessed-ports.ts";
import { StrayPorts } from "./stray-ports.ts";

/** No slot. */
export const NONE = -1;

const STAGE_MASK = 0x3f;
const KEPT = 0x40;
const IPV6 = 0x80;
const DOOR_SHIFT = 8;
/** If more slots than this were in use and none is now, their memory goes back at once. */
const MANY = 16_384;

/** Attempts of one `seq_timeout`, in the order in which they began, which is the order in which they expire. */
export interface Queue {
  head: number;
  tail: number;
}

/** Sets all bytes of the buffers to 0. */
export type Clear = (buffers: readonly ArrayBuffer[]) => void;

export class AttemptPool {
  readonly capacity: number;
  /** The stray ports of each attempt. */
  readonly strays: StrayPorts;
  /** The ports of attempts at codes. */
  readonly guesses: GuessedPorts;
  readonly #clear: Clear;
  #live = 0;
  /** The first slot that has never been used since the arrays were made or cleared. The pages behind it do not exist yet. */
  #fresh = 0;
  #free = NONE;
  readonly #mask: number;
  // For each slot: the address (without w0 to w2 for IPv4); door, stage and family in one word; the times of the first and
  // the last knock; the fingerprint and the sequence number of the last knock; the next slot of the chain + 1; and the
  // neighbours in the queue.
  #w0 = new Int32Array(0);
  #w1 = new Int32Array(0);
  #w2 = new Int32Array(0);
  readonly #w3: Int32Array;
  readonly #meta: Uint32Array;
  /** The two times and the sequence number. */
  readonly #knocks: Int32Array;
  readonly #print: Int32Array;
  readonly #chain: Uint32Array;
  readonly #lastPacket: Int32Array;
  readonly #next: Int32Array;
  /** The first slot of each chain + 1. 0 is empty, so a new array needs no filling. */
  readonly #heads: Uint32Array;

  /** `clear` may give the memory back to the system. V8 would keep it: while idle, it does not collect garbage. */
  constructor(capacity: number, clear: Clear = zero) {
    this.capacity = capacity;
    this.#clear = clear;
    this.strays = new StrayPorts(capacity);
    this.guesses = new GuessedPorts(capacity);
    const signed = () => new Int32Array(capacity);
    const words = () => new Uint32Array(capacity);
    this.#w3 = signed();
    [this.#meta, this.#print, this.#chain] = [words(), signed(), words()];
    this.#knocks = new Int32Array(3 * capacity);
    [this.#lastPacket, this.#next] = [signed(), signed()];
    const chains = 1 << Math.ceil(Math.log2(capacity));
    this.#heads = new Uint32Array(chains);
    this.#mask = chains - 1;
  }

  get live(): number {
    return this.#live;
  }

  /** The first slot of this source, or NONE. */
  find(hash: number, source: Address): number {
    return this.#find(this.#heads[hash & this.#mask]!, source);
  }

  /** The next slot of the same source, or NONE. */
  findNext(slot: number, source: Address): number {
    return this.#find(this.#chain[slot]!, source);
  }

  /** Takes a slot (there must be one: `live` < `capacity`) and puts it at the end of `queue`. `now` in milliseconds. */
  // biome-ignore lint/complexity/useMaxParams: numbers for typed arrays, of every packet of a flood
  add(hash: number, source: Address, door: number, print: number, now: number, queue: Queue): number {
    let slot = this.#free;
    if (slot === NONE) slot = this.#fresh++;
    else this.#free = this.#next[slot]!;
    this.#live++;
    const v6 = !(source.w0 === 0 && source.w1 === 0 && source.w2 === 0xffff);
    if (v6) {
      if (this.#w0.length === 0) this.#makeRoomForIpv6();
      this.#w0[slot] = source.w0;
      this.#w1[slot] = source.w1;
      this.#w2[slot] = source.w2;
    }
    this.#w3[slot] = source.w3;
    this.#meta[slot] = (door << DOOR_SHIFT) | (v6 ? IPV6 : 0) | 1;
    this.#knocks[3 * slot] = now;
    this.#knocks[3 * slot + 1] = now;
    this.#print[slot] = print;
    const chain = hash & this.#mask;
    this.#chain[slot] = this.#heads[chain]!;
    this.#heads[chain] = slot + 1;
    this.enqueue(slot, queue);
    return slot;
  }

  #makeRoomForIpv6(): void {
    const words = () => new Int32Array(this.capacity);
    [this.#w0, this.#w1, this.#w2] = [words(), words(), words()];
  }

  /** Gives a slot back. `hash` is that of its source. */
  remove(slot: number, hash: number, queue: Queue): void {
    this.dequeue(slot, queue);
    const chain = hash & this.#mask;
    let at = this.#heads[chain]! - 1;
    if (at === slot) this.#heads[chain] = this.#chain[slot]!;
    else {
      while (this.#chain[at]! - 1 !== slot) at = this.#chain[at]! - 1;
      this.#chain[at] = this.#chain[slot]!;
    }
    this.#next[slot] = this.#free;
    this.#free = slot;
    if (--this.#live === 0 && this.#fresh > MANY) this.#empty();
  }

  enqueue(slot: number, queue: Queue): void {
    this.#lastPacket[slot] = queue.tail;
    this.#next[slot] = NONE;
    if (queue.tail === NONE) queue.head = slot;
    else this.#next[queue.tail] = slot;
    queue.tail = slot;
  }

  dequeue(slot: number, queue: Queue): void {
    const previous = this.#lastPacket[slot]!;
    const next = this.#next[slot]!;
    if (previous === NONE) queue.head = next;
    else this.#next[previous] = next;
    if (next === NONE) queue.tail = previous;
    else this.#lastPacket[next] = previous;
  }

  door(slot: number): number {
    return this.#meta[slot]! >>> DOOR_SHIFT;
  }

  stage(slot: number): number {
    return this.#meta[slot]! & STAGE_MASK;
  }

  /** The attempt has made one more knock, known by `print`. */
  advance(slot: number, print: number): void {
    this.#meta[slot]! += 1;
    this.#print[slot] = print;
  }

  /** The last knock is known by `print`, and the stage is the same. */
  replace(slot: number, print: number): void {
    this.#print[slot] = print;
  }

  /** The last knock came now, with this sequence number. */
  touch(slot: number, now: number, sequence: number): void {
    this.#knocks[3 * slot + 1] = now;
    this.#knocks[3 * slot + 2] = sequence;
  }

  /** The sequence number of the last knock. */
  sequence(slot: number): number {
    return this.#knocks[3 * slot + 2]!;
  }

  /** Milliseconds since the last knock, as with `age`. */
  sinceKnock(slot: number, now: number): number {
    return since(this.#knocks[3 * slot + 1]!, now);
  }

  /** A mark for expiry.ts, false in a new slot: in which of two queues it is. */
  isSpared(slot: number): boolean {
    return (this.#meta[slot]! & KEPT) !== 0;
  }

  spare(slot: number): void {
    this.#meta[slot]! |= KEPT;
  }

  /** The fingerprint of the last knock made, 0 for UDP. */
  fingerprint(slot: number): number {
    return this.#print[slot]!;
  }

  /** Milliseconds since the first knock. Times are kept modulo 2^32 ms (49 days); a clock that went back gives 0. */
  age(slot: number, now: number): number {
    return since(this.#knocks[3 * slot]!, now);
  }

  source(slot: number): Address {
    const w3 = this.#w3[slot]!;
    if ((this.#meta[slot]! & IPV6) === 0) return { w0: 0, w1: 0, w2: 0xffff, w3 };
    return { w0: this.#w0[slot]!, w1: this.#w1[slot]!, w2: this.#w2[slot]!, w3 };
  }

  #find(link: number, source: Address): number {
    for (let slot = link - 1; slot !== NONE; slot = this.#chain[slot]! - 1) {
      if (this.#w3[slot] !== source.w3) continue;
      if ((this.#meta[slot]! & IPV6) === 0) {
        if (source.w2 === 0xffff && source.w1 === 0 && source.w0 === 0) return slot;
      } else if (this.#w2[slot] === source.w2 && this.#w1[slot] === source.w1 && this.#w0[slot] === source.w0) {
        return slot;
      }
    }
    return NONE;
  }

  /** Gives memory back if no attempt is live. A thousand clients may have touched a thousand pages of the chains. */
  trim(): void {
    if (this.#live === 0 && this.#fresh > 0) this.#empty();
  }

  /** Clears everything after a flood. */
  #empty(): void {
    const all = [this.#w0, this.#w1, this.#w2, this.#w3, this.#meta, this.#knocks, this.#print];
    const arrays = [...all, this.#chain, this.#lastPacket, this.#next, this.#heads];
    const buffers = arrays.map(({ buffer }) => buffer as ArrayBuffer);
    buffers.push(...this.strays.buffers, ...this.guesses.buffers);
    this.#clear(buffers.filter(({ byteLength }) => byteLength > 0));
    this.#fresh = 0;
    this.#free = NONE;
  }
}

function since(then: number, now: number): number {
  const age = ((now >>> 0) - then) >>> 0;
  return age < 0x8000_0000 ? age : 0;
}

function zero(buffers: readonly ArrayBuffer[]): void {
  for (const buffer of buffers) new Uint8Array(buffer).fill(0);
}
