// The TCP segments that made, moved or ended an attempt, remembered for as long as a client may send them again.
// A SYN that gets no answer, as behind a firewall that drops, is sent again after 1, 3, 7 … seconds (RFC 6298 5.5) from
// the same port with the same sequence number: it is the same knock, whatever has become of its attempt meanwhile.
// 0.8 takes it for a wrong one and voids the attempt.

import type { Packet } from "./packet.ts";

/** Linux gives up after 63 seconds (tcp_syn_retries = 6). */
const HORIZON_MS = 70_000;
/** 1 MiB, touched only where used. A newcomer takes the place of whoever was there: nothing grows, nothing is swept. */
const PLACES = 65_536;
// What stands in a place, side by side: a flood of whole sequences looks at one cache line a packet, not at three.
const [WORDS, SOURCE, PRINT, TIME] = [4, 0, 1, 2] as const;

/** 32 bits, signed, by which a segment is known again, together with its source; never 0. */
export function fingerprint(packet: Packet): number {
  let h = Math.imul((packet.sourcePort << 16) | packet.port, 0x9e3779b1) ^ packet.sequence;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b) ^ packet.flags;
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16) || 1;
}

export class Retransmissions {
  readonly #places = new Int32Array(PLACES * WORDS);
  /** A byte of each place's print: 64 KiB, which stay in the cache, say of nearly every new segment that it is new. */
  readonly #tags = new Uint8Array(PLACES);
  #latest = Number.NEGATIVE_INFINITY;

  /** `sourceHash` is keyed (AddressHash): nobody can aim at a place. `now` in milliseconds. */
  remember(sourceHash: number, print: number, now: number): void {
    const number = at(sourceHash, print);
    const place = number * WORDS;
    this.#tags[number] = print;
    this.#places[place + SOURCE] = sourceHash;
    this.#places[place + PRINT] = print;
    this.#places[place + TIME] = now;
    this.#latest = now;
  }

  /** The same, unless that would put another one out: for what a flood of strangers can bring about. */
  rememberIfFree(sourceHash: number, print: number, now: number): void {
    const place = at(sourceHash, print) * WORDS;
    if (this.#places[place + PRINT] === 0 || this.#isOver(place, now)) this.remember(sourceHash, print, now);
  }

  has(sourceHash: number, print: number, now: number): boolean {
    if (now - this.#latest > HORIZON_MS) return false;
    const number = at(sourceHash, print);
    if (this.#tags[number] !== (print & 0xff)) return false;
    const place = number * WORDS;
    return (
      this.#places[place + PRINT] === print && this.#places[place + SOURCE] === sourceHash && !this.#isOver(place, now)
    );
  }

  #isOver(place: number, now: number): boolean {
    return ((now | 0) - this.#places[place + TIME]!) >>> 0 > HORIZON_MS;
  }
}

/** The number of a segment's place. */
function at(sourceHash: number, print: number): number {
  return Math.imul(sourceHash ^ print, 0x9e3779b1) >>> 16;
}
