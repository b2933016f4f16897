// Remembers the TCP segments that have begun, advanced or ended an attempt, as long as a client may send them again. A client
// repeats a SYN that gets no answer after 1, 3, 7 … seconds (RFC 6298 5.5), from the same port and with the same sequence
// number. repeats.ts decides which equal segment is such a retransmission.

import type { Packet } from "../net/packet.ts";

/** Linux gives up after 63 seconds (tcp_syn_retries = 6). */
export const HORIZON_MS = 70_000;
/**
 * How many segments are remembered: 117 per second for all of that time. They take 256 KiB, and their index 128 KiB. With
 * eight times as many, a flood of whole sequences took a fifth longer, because it waited for memory (bench/flood.ts). A new
 * segment replaces the oldest, so nothing is swept.
 */
const MAX = 8192;
// The words of one segment. OLDER is the place + 1 of the previous segment of its source, SAME that of the previous segment
// with the same hash.
const [WORDS, SOURCE, PRINT, PORT, SEQUENCE, FIRST, LAST, OLDER, SAME] = [8, 0, 1, 2, 3, 4, 5, 6, 7] as const;
/** How many segments of one source in a row are remembered per second. In 70 seconds they fill half of the memory. */
const [MAX_IN_A_ROW, ROW_MS] = [64, 1000] as const;
/** How many segments of one source are compared with another segment, the newest first. */
const MAX_COMPARED = 32;
/** No place. UNKNOWN: there are too many young segments to compare. */
const [NONE, UNKNOWN] = [-1, -2] as const;
/** Four times as many hashes as segments, so that collisions are rare. */
const HASH_BITS = 15;
/**
 * An entry of the index is one word, so that a packet of a flood reads only this word: the number of the newest segment with
 * its hash, modulo 64 × MAX; whether an older segment has the same hash; and twelve more bits of its key.
 */
const [NUMBER, OTHERS, REST] = [64 * MAX - 1, 64 * MAX, -128 * MAX] as const;
const REST_SHIFT = 20;

/** 32 bits, signed, that identify a segment together with its source: its source port and a hash. Never 0. */
export function fingerprint({ sourcePort, port, sequence, flags }: Packet): number {
  return (sourcePort << 16) | hash16(port, sequence, flags) || 1;
}

/** Does this segment have the source port of the fingerprint? */
export function sharesSourcePort({ sourcePort }: Packet, print: number): boolean {
  return print >>> 16 === sourcePort;
}

function hash16(port: number, sequence: number, flags: number): number {
  let h = Math.imul(sequence ^ (sequence >>> 16), 0x85ebca6b); // before the port: tools derive one from the other
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) ^ port;
  h = Math.imul(h ^ (h >>> 16), 0x9e3779b1) ^ flags;
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  return (h ^ (h >>> 16)) & 0xffff;
}

/**
 * The segments are written one after the other and found by a hash. In a flood of whole sequences each packet is remembered,
 * and only its word in the index is at a random place.
 */
export class Retransmissions {
  readonly #book = new Int32Array(MAX * WORDS);
  /** The entries by hash. */
  readonly #index = new Int32Array(1 << HASH_BITS);
  /** By a hash of the source: the place + 1 of its newest segment. */
  readonly #newest = new Int32Array(MAX);
  /** The number of segments remembered so far. The next one replaces the oldest. */
  #count = 1; // an entry of 0 is empty
  #latest = Number.NEGATIVE_INFINITY;
  // The segments of one source in a row that were remembered since `#rowAt`.
  #inARow = 0;
  #rowHash = 0;
  #rowAt = Number.NEGATIVE_INFINITY;

  /**
   * Is this source a flood? In the last second MAX_IN_A_ROW of its segments were remembered, and none of another source.
   * Further ones would only overwrite those of other clients.
   */
  isFlood(sourceHash: number, now: number): boolean {
    return this.#inARow >= MAX_IN_A_ROW && sourceHash === this.#rowHash && now - this.#rowAt < ROW_MS;
  }

  /**
   * Remembers the segment to `port` with this sequence number, unless it is remembered already. It came `age` milliseconds
   * before `now`. `sourceHash` is keyed (siphash.ts), so an attacker cannot choose a place.
   */
  // biome-ignore lint/complexity/useMaxParams: numbers for typed arrays, of every packet of a flood
  remember(sourceHash: number, print: number, now: number, port = 0, sequence = 0, age = 0): void {
    if (this.find(sourceHash, print, now) === NONE) this.add(sourceHash, print, now, port, sequence, age);
  }

  /** The same, but never replaces another segment. For segments of which a flood of strangers can produce many. */
  // biome-ignore lint/complexity/useMaxParams: numbers for typed arrays, of every packet of a flood
  rememberIfFree(sourceHash: number, print: number, now: number, port = 0, sequence = 0, age = 0): void {
    if (this.#isFree(sourceHash, print, now)) this.add(sourceHash, print, now, port, sequence, age);
  }

  /** Records that a segment was just sent again. If it is not remembered yet, it first came `age` milliseconds ago. */
  // biome-ignore lint/complexity/useMaxParams: numbers for typed arrays, of every packet of a flood
  repeat(sourceHash: number, print: number, now: number, { port, sequence }: Packet, age: number): void {
    let place = this.find(sourceHash, print, now);
    if (place === NONE) {
      if (!this.#isFree(sourceHash, print, now)) return;
      place = this.add(sourceHash, print, now, port, sequence, age);
    }
    this.#book[place + LAST] = now;
  }

  /** Sets the time when the segment first came to now. */
  restart(place: number, now: number): void {
    this.#book[place + FIRST] = now;
    this.#book[place + LAST] = now;
    this.#latest = now;
  }

  /** The place of the segment. -1 if it is not remembered. */
  find(sourceHash: number, print: number, now: number): number {
    if (now - this.#latest > HORIZON_MS) return NONE;
    const key = keyOf(sourceHash, print);
    const newest = this.#index[hashOf(key)]!;
    // Most packets of a flood end here: the entry's segment has been overwritten, or is another one.
    if (((this.#count - (newest & NUMBER)) & NUMBER) > MAX) return NONE;
    if ((newest & OTHERS) === 0 && ((newest ^ restOf(key)) & REST) !== 0) return NONE;
    return this.#walk(placeOf(newest), sourceHash, print, now);
  }

  /** Searches the segments of one hash from this place on, the newest first. */
  #walk(newest: number, sourceHash: number, print: number, now: number): number {
    const hash = hashOf(keyOf(sourceHash, print));
    let place = newest;
    for (let steps = 0; steps < MAX_COMPARED; steps++) {
      const source = this.#book[place + SOURCE]!;
      const other = this.#book[place + PRINT]!;
      if (other === print && source === sourceHash) return this.#isOver(place, now) ? NONE : place;
      if (other === 0 || hashOf(keyOf(source, other)) !== hash) break; // never used, or overwritten: the chain ends here
      const same = this.#book[place + SAME]!;
      if (same === 0) break;
      place = (same - 1) * WORDS;
    }
    return NONE;
  }

  /** Milliseconds since the segment last came. */
  sinceLast(place: number, now: number): number {
    return ((now | 0) - this.#book[place + LAST]!) >>> 0;
  }

  /** Milliseconds between its first and its last arrival. */
  span(place: number): number {
    return (this.#book[place + LAST]! - this.#book[place + FIRST]!) >>> 0;
  }

  /** Has its source sent other segments with its source port or its sequence number? */
  hasSiblings(sourceHash: number, packet: Packet, print: number, now: number): boolean {
    const { port, sequence } = packet;
    const isSibling = (place: number): boolean => {
      const other = this.#book[place + PRINT]!;
      if (other === print) return false;
      if (sharesSourcePort(packet, other)) return true;
      return this.#book[place + SEQUENCE] === sequence && this.#book[place + PORT] !== port;
    };
    return this.#among(sourceHash, now, isSibling) >= 0;
  }

  /** May its source have sent a segment to this port that may come again? */
  mayHavePort(sourceHash: number, port: number, now: number): boolean {
    return this.#among(sourceHash, now, (place) => this.#book[place + PORT] === port) !== NONE;
  }

  /** The place of the newest segment of a source for which `isIt` holds. Otherwise NONE or UNKNOWN. */
  #among(sourceHash: number, now: number, isIt: (place: number) => boolean): number {
    const bucket = bucketOf(sourceHash);
    let place = (this.#newest[bucket]! - 1) * WORDS;
    for (let steps = 0; place >= 0; steps++) {
      if (steps === MAX_COMPARED) return this.#isOver(place, now) ? NONE : UNKNOWN;
      const source = this.#book[place + SOURCE]!;
      if (bucketOf(source) !== bucket) break; // written over: the chain ends here
      if (source === sourceHash && !this.#isOver(place, now) && isIt(place)) return place;
      place = (this.#book[place + OLDER]! - 1) * WORDS;
    }
    return NONE;
  }

  /** As `remember`, for a segment that is not remembered. Returns its place. */
  // biome-ignore lint/complexity/useMaxParams: numbers for typed arrays, of every packet of a flood
  add(sourceHash: number, print: number, now: number, port: number, sequence: number, age: number): number {
    if (sourceHash !== this.#rowHash || now - this.#rowAt >= ROW_MS) {
      this.#inARow = 0;
      this.#rowHash = sourceHash;
      this.#rowAt = now;
    }
    this.#inARow++;
    const at = (now - age) | 0;
    const number = this.#count;
    const place = placeOf(number);
    const bucket = bucketOf(sourceHash);
    const key = keyOf(sourceHash, print);
    const hash = hashOf(key);
    const before = this.#index[hash]! & NUMBER;
    const distance = (number - before) & NUMBER;
    const hasOthers = distance > 0 && distance < MAX && this.#index[hash] !== 0;
    this.#book[place + SAME] = hasOthers ? (before & (MAX - 1)) + 1 : 0; // `#walk` checks that it has the same hash
    this.#book[place + SOURCE] = sourceHash;
    this.#book[place + PRINT] = print;
    this.#book[place + PORT] = port;
    this.#book[place + SEQUENCE] = sequence;
    this.#book[place + FIRST] = at;
    this.#book[place + LAST] = at;
    this.#book[place + OLDER] = this.#newest[bucket]!;
    this.#newest[bucket] = (number & (MAX - 1)) + 1;
    this.#index[hash] = restOf(key) | (hasOthers ? OTHERS : 0) | number;
    this.#count = (number + 1) & NUMBER;
    this.#latest = now;
    return place;
  }

  #isFree(sourceHash: number, print: number, now: number): boolean {
    const hash = hashOf(keyOf(sourceHash, print));
    const place = placeOf(this.#index[hash]!);
    const isFree = this.#isOver(place, now) || this.#hashAt(place) !== hash;
    return isFree && this.#isOver(placeOf(this.#count), now);
  }

  #hashAt(place: number): number {
    return hashOf(keyOf(this.#book[place + SOURCE]!, this.#book[place + PRINT]!));
  }

  /** Is the segment too old, or the place never used? */
  #isOver(place: number, now: number): boolean {
    return this.#book[place + PRINT] === 0 || this.sinceLast(place, now) > HORIZON_MS;
  }
}

/** 32 bits made of a source and a fingerprint. The first HASH_BITS of them are the hash. */
function keyOf(sourceHash: number, print: number): number {
  return Math.imul(sourceHash ^ print, 0x9e3779b1);
}

function hashOf(key: number): number {
  return key >>> (32 - HASH_BITS);
}

/** The place in the book of the segment in an entry of the index. */
function placeOf(entry: number): number {
  return (entry & (MAX - 1)) * WORDS;
}

/** The bits of a key beside its hash, at their place in an entry of the index. */
function restOf(key: number): number {
  return key << REST_SHIFT;
}

/** The chain of a source, below MAX. */
function bucketOf(sourceHash: number): number {
  return Math.imul(sourceHash, 0x85ebca6b) >>> 19;
}
