// The current packet, with what has been found out about it. Each step takes this object instead of a row of arguments. It is
// reused for all packets.

import type { Packet } from "../net/packet.ts";

export class CurrentPacket {
  packet: Packet = NONE;
  /** The key of its port and protocol (net/knock-key.ts). */
  key = 0;
  /** The keyed hash of its source (siphash.ts). */
  hash = 0;
  /** Its fingerprint (retransmissions.ts). 0 if it has none. */
  print = 0;
  /** Is it remembered, because it may be sent again (retransmissions.ts)? */
  isRemembered = false;
  /** Milliseconds. */
  now = 0;
  /** The number of live attempts of its source, which are in `AttemptTable.collected`. */
  count = 0;

  begin(packet: Packet, key: number, hash: number, now: number): void {
    this.packet = packet;
    this.key = key;
    this.hash = hash;
    this.now = now;
  }
}

const NOWHERE = { w0: 0, w1: 0, w2: 0, w3: 0 };
const NONE: Packet = {
  source: NOWHERE,
  destination: NOWHERE,
  sourcePort: 0,
  port: 0,
  protocol: 0,
  flags: 0,
  ttl: 0,
  sequence: 0,
};
