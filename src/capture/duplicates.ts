// Recognises a packet that was captured at several interfaces, such as eth0 and a bridge or VLAN above it. The kernel stamps
// a packet once, when it first arrives, so equal packets with the same microsecond are one. Without this a UDP knock would
// count twice. (attempts/retransmissions.ts recognises a repeated TCP segment.)

import type { CapturedPacket } from "../net/packet.ts";

/** The size of the hash table. A new packet replaces the older one in its slot. */
const PLACES = 8192;

export class DuplicateFilter {
  readonly #times = new Float64Array(PLACES);
  readonly #prints = new Uint32Array(PLACES);

  /** Was this packet seen before? Remembers it. */
  has({ source, destination, sourcePort, port, protocol, time }: CapturedPacket): boolean {
    let h = Math.imul((sourcePort << 16) | port, 0x9e3779b1) ^ protocol;
    for (const { w0, w1, w2, w3 } of [source, destination]) {
      h = Math.imul(h ^ w0 ^ (h >>> 15), 0x85ebca6b);
      h = Math.imul(h ^ w1 ^ (h >>> 13), 0xc2b2ae35);
      h = Math.imul(h ^ w2 ^ (h >>> 16), 0x27d4eb2f);
      h = Math.imul(h ^ w3 ^ (h >>> 14), 0x165667b1);
    }
    const print = (h ^ (h >>> 16)) >>> 0;
    const place = (print ^ Math.round(time * 1e6)) & (PLACES - 1);
    if (this.#times[place] === time && this.#prints[place] === print) return true;
    this.#times[place] = time;
    this.#prints[place] = print;
    return false;
  }
}
