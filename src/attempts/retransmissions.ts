// The TCP segments that made, moved or ended an attempt, remembered for as long as a client may send them again.
// A client sends a SYN that gets no answer again after 1, 3, 7 … seconds (RFC 6298 5.5), from the same port and with the
// same sequence number. repeats.ts decides which equal segment is such a retransmission.

import type { Packet } from "../net/packet.ts";

/** Linux gives up after 63 seconds (tcp_syn_retries = 6). */
export const HORIZON_MS = 70_000;
/**
 * So many are remembered, in 256 KiB: 117 a second for all of that time. With 65,536, in a megabyte, a flood of whole
 * sequences cost a fifth more, as it waited for memory (bench/flood.ts). A newcomer takes the place of the oldest: nothing
 * is swept.
 */
const MAX = 8192;
// What is known of one, side by side. OLDER is the place + 1 of the one before it in its source's chain, SAME that of the
// one before it with the same hash.
const [WORDS, SOURCE, PRINT, PORT, SEQUENCE, FIRST, LAST, OLDER, SAME] = [8, 0, 1, 2, 3, 4, 5, 6, 7] as const;
/** Segments of one source that are compared with another one, the newest first. */
const MAX_COMPARED = 32;
const NONE = -1;

/** Where a segment went, and its number. */
type Sent = Pick<Packet, "port" | "sequence">;
const UNKNOWN: Sent = { port: 0, sequence: 0 };

/** 32 bits, signed, by which a segment is known again, together with its source: its source port, and a hash. Never 0. */
export function fingerprint({ sourcePort, port, sequence, flags }: Packet): number {
  return (sourcePort << 16) | hash16(port, sequence, flags) || 1;
}

/** Does this segment come from the same source port as the one of the fingerprint? */
export function sharesSourcePort({ sourcePort }: Packet, print: number): boolean {
  return print >>> 16 === sourcePort;
}

function hash16(port: number, sequence: number, flags: number): number {
  let h = Math.imul(sequence ^ (sequence >>> 16), 0x85ebca6b); // before the port: tools make the one from the other
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) ^ port;
  h = Math.imul(h ^ (h >>> 16), 0x9e3779b1) ^ flags;
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  return (h ^ (h >>> 16)) & 0xffff;
}

/**
 * They are written down one behind the other, and found by a hash: in a flood of whole sequences each packet is one to
 * remember, and only two words of it are at a random place.
 */
export class Retransmissions {
  readonly #book = new Int32Array(MAX * WORDS);
  /** By hash, where in the book the newest of that hash stands. */
  readonly #index = new Int32Array(MAX);
  /** By a hash of the source: its newest segment's place + 1. */
  readonly #newest = new Int32Array(MAX);
  /** The oldest, or one that was never used. */
  #next = 0;
  #latest = Number.NEGATIVE_INFINITY;

  /** It came `age` milliseconds before `now`. `sourceHash` is keyed (AddressHash): nobody can aim at a place. */
  // biome-ignore lint/complexity/useMaxParams: numbers for typed arrays, of every packet of a flood
  remember(sourceHash: number, print: number, now: number, sent = UNKNOWN, age = 0): void {
    if (this.find(sourceHash, print, now) === NONE) this.#write(sourceHash, print, now, sent, now - age, now - age);
  }

  /** The same, unless that would put another one out: for what a flood of strangers can bring about. */
  // biome-ignore lint/complexity/useMaxParams: numbers for typed arrays, of every packet of a flood
  rememberIfFree(sourceHash: number, print: number, now: number, sent = UNKNOWN, age = 0): void {
    if (this.#isFree(sourceHash, print, now)) this.#write(sourceHash, print, now, sent, now - age, now - age);
  }

  /** It was sent again just now; if it is not remembered yet, it first came `age` milliseconds ago. */
  // biome-ignore lint/complexity/useMaxParams: numbers for typed arrays, of every packet of a flood
  repeat(sourceHash: number, print: number, now: number, sent: Sent, age: number): void {
    const place = this.find(sourceHash, print, now);
    if (place !== NONE) this.#book[place + LAST] = now;
    else if (this.#isFree(sourceHash, print, now)) this.#write(sourceHash, print, now, sent, now - age, now);
  }

  /** From now on this is when it first came. */
  restart(place: number, now: number): void {
    this.#book[place + FIRST] = now;
    this.#book[place + LAST] = now;
    this.#latest = now;
  }

  has(sourceHash: number, print: number, now: number): boolean {
    return this.find(sourceHash, print, now) !== NONE;
  }

  /** Where it stands; -1 when it is not remembered. */
  find(sourceHash: number, print: number, now: number): number {
    if (now - this.#latest > HORIZON_MS) return NONE;
    const hash = hashOf(sourceHash, print);
    let place = this.#index[hash]! * WORDS;
    for (let steps = 0; steps < MAX_COMPARED; steps++) {
      const source = this.#book[place + SOURCE]!;
      const other = this.#book[place + PRINT]!;
      if (other === print && source === sourceHash) return this.#isOver(place, now) ? NONE : place;
      if (other === 0 || hashOf(source, other) !== hash) break; // never used, or written over: the chain ends here
      const same = this.#book[place + SAME]!;
      if (same === 0) break;
      place = (same - 1) * WORDS;
    }
    return NONE;
  }

  /** Milliseconds since it came last. */
  sinceLast(place: number, now: number): number {
    return ((now | 0) - this.#book[place + LAST]!) >>> 0;
  }

  /** Milliseconds from the first time that it came to the last one. */
  span(place: number): number {
    return (this.#book[place + LAST]! - this.#book[place + FIRST]!) >>> 0;
  }

  /** Has its source sent others that share its source port, or its sequence number? */
  hasSiblings(sourceHash: number, packet: Packet, print: number, now: number): boolean {
    const { port, sequence } = packet;
    const isSibling = (place: number): boolean => {
      const other = this.#book[place + PRINT]!;
      if (other === print) return false;
      if (sharesSourcePort(packet, other)) return true;
      return this.#book[place + SEQUENCE] === sequence && this.#book[place + PORT] !== port;
    };
    return this.#among(sourceHash, now, isSibling) !== NONE;
  }

  /** The first of a source's segments, the newest first, that is it; -1 when none is. */
  #among(sourceHash: number, now: number, isIt: (place: number) => boolean): number {
    const bucket = bucketOf(sourceHash);
    let place = (this.#newest[bucket]! - 1) * WORDS;
    for (let steps = 0; steps < MAX_COMPARED && place >= 0; steps++) {
      const source = this.#book[place + SOURCE]!;
      if (bucketOf(source) !== bucket) break; // written over: the chain ends here
      if (source === sourceHash && !this.#isOver(place, now) && isIt(place)) return place;
      place = (this.#book[place + OLDER]! - 1) * WORDS;
    }
    return NONE;
  }

  // biome-ignore lint/complexity/useMaxParams: numbers for typed arrays, of every packet of a flood
  #write(sourceHash: number, print: number, now: number, { port, sequence }: Sent, first: number, last: number): void {
    const place = this.#next * WORDS;
    const bucket = bucketOf(sourceHash);
    const hash = hashOf(sourceHash, print);
    const same = this.#index[hash]!;
    this.#book[place + SAME] = same === this.#next ? 0 : same + 1; // `find` checks that it is one of the same hash
    this.#book[place + SOURCE] = sourceHash;
    this.#book[place + PRINT] = print;
    this.#book[place + PORT] = port;
    this.#book[place + SEQUENCE] = sequence;
    this.#book[place + FIRST] = first;
    this.#book[place + LAST] = last;
    this.#book[place + OLDER] = this.#newest[bucket]!;
    this.#newest[bucket] = this.#next + 1;
    this.#index[hash] = this.#next;
    this.#next = (this.#next + 1) % MAX;
    this.#latest = now;
  }

  #isFree(sourceHash: number, print: number, now: number): boolean {
    const hash = hashOf(sourceHash, print);
    const place = this.#index[hash]! * WORDS;
    const isFree = this.#isOver(place, now) || hashOf(this.#book[place + SOURCE]!, this.#book[place + PRINT]!) !== hash;
    return isFree && this.#isOver(this.#next * WORDS, now);
  }

  /** Too old, or never used. */
  #isOver(place: number, now: number): boolean {
    return this.#book[place + PRINT] === 0 || this.sinceLast(place, now) > HORIZON_MS;
  }
}

/** Below MAX. */
function hashOf(sourceHash: number, print: number): number {
  return Math.imul(sourceHash ^ print, 0x9e3779b1) >>> 19;
}

/** Below MAX. */
function bucketOf(sourceHash: number): number {
  return Math.imul(sourceHash, 0x85ebca6b) >>> 19;
}
