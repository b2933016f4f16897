// The TCP segments that made, moved or ended an attempt, remembered for as long as a client may send them again.
// A SYN that gets no answer, as behind a firewall that drops, is sent again after 1, 3, 7 … seconds (RFC 6298 5.5) from
// the same port with the same sequence number: it is the same knock, whatever has become of its attempt meanwhile.
// 0.8 takes it for a wrong one and voids the attempt.

import type { Packet } from "./packet.ts";

/** Linux gives up after 63 seconds (tcp_syn_retries = 6). */
const HORIZON_MS = 70_000;
/**
 * So many are remembered, in 128 KiB: 117 a second for all of that time. With 65,536, in a megabyte, a flood of whole
 * sequences cost a fifth more, as it waited for memory (bench/flood.ts). A newcomer takes the place of the oldest: nothing
 * is swept.
 */
const MOST = 8192;
// What is known of one, side by side.
const [WORDS, SOURCE, PRINT, TIME] = [3, 0, 1, 2] as const;

/** 32 bits, signed, by which a segment is known again, together with its source; never 0. */
export function fingerprint(packet: Packet): number {
  let h = Math.imul((packet.sourcePort << 16) | packet.port, 0x9e3779b1) ^ packet.sequence;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b) ^ packet.flags;
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16) || 1;
}

/**
 * They are written down one behind the other, and found by a hash: in a flood of whole sequences each packet is one to
 * remember, and only one word of it is at a random place.
 */
export class Retransmissions {
  readonly #book = new Int32Array(MOST * WORDS);
  /** By hash: 16 bits of the print, and where in the book (16 bits) it stands. Both of new segments nearly never match. */
  readonly #index = new Int32Array(MOST);
  /** The oldest, or one that was never used. */
  #next = 0;
  #latest = Number.NEGATIVE_INFINITY;

  /** `sourceHash` is keyed (AddressHash): nobody can aim at a place. `now` in milliseconds. */
  remember(sourceHash: number, print: number, now: number): void {
    const place = this.#next * WORDS;
    this.#book[place + SOURCE] = sourceHash;
    this.#book[place + PRINT] = print;
    this.#book[place + TIME] = now;
    this.#index[hashOf(sourceHash, print)] = (print << 16) | this.#next;
    this.#next = (this.#next + 1) % MOST;
    this.#latest = now;
  }

  /** The same, unless that would put another one out: for what a flood of strangers can bring about. */
  rememberIfFree(sourceHash: number, print: number, now: number): void {
    const hash = hashOf(sourceHash, print);
    const place = (this.#index[hash]! & 0xffff) * WORDS;
    const isFree = this.#isOver(place, now) || hashOf(this.#book[place + SOURCE]!, this.#book[place + PRINT]!) !== hash;
    if (isFree && this.#isOver(this.#next * WORDS, now)) this.remember(sourceHash, print, now);
  }

  has(sourceHash: number, print: number, now: number): boolean {
    if (now - this.#latest > HORIZON_MS) return false;
    const found = this.#index[hashOf(sourceHash, print)]!;
    if (found >> 16 !== (print << 16) >> 16) return false;
    const place = (found & 0xffff) * WORDS;
    return (
      this.#book[place + PRINT] === print && this.#book[place + SOURCE] === sourceHash && !this.#isOver(place, now)
    );
  }

  /** Too old, or never used. */
  #isOver(place: number, now: number): boolean {
    return this.#book[place + PRINT] === 0 || ((now | 0) - this.#book[place + TIME]!) >>> 0 > HORIZON_MS;
  }
}

/** Below MOST. */
function hashOf(sourceHash: number, print: number): number {
  return Math.imul(sourceHash ^ print, 0x9e3779b1) >>> 19;
}
