// The ports that reply in a capture. A packet to one of them is no stray. The daemon asks its own kernel for listening ports;
// a replay cannot, because the capture may be from any machine.

import { type Address, copyOf, sameAddress } from "../net/address.ts";
import { knockKey } from "../net/knock-key.ts";
import { type Packet, TCP } from "../net/packet.ts";
import { TCP_FLAG_BITS } from "../net/tcp-flags.ts";

/** These limit memory and time in a flood from forged sources. */
const [MAX, MAX_AT_A_PORT] = [65_536, 256] as const;
const [ANSWER, ANSWER_MASK] = [TCP_FLAG_BITS.ack, TCP_FLAG_BITS.ack | TCP_FLAG_BITS.rst];

export class OpenPorts {
  /** By port and protocol. */
  readonly #addresses = new Map<number, Address[]>();
  #count = 0;

  /** A closed port sends RST or nothing. Any other segment with ACK, and any UDP datagram, comes from an open port. */
  observe({ source, sourcePort, protocol, flags }: Packet): void {
    if ((protocol === TCP && (flags & ANSWER_MASK) !== ANSWER) || this.#count >= MAX) return;
    const key = knockKey(protocol, sourcePort);
    if (this.#has(source, key)) return;
    const addresses = this.#addresses.get(key) ?? [];
    if (addresses.length >= MAX_AT_A_PORT) return;
    this.#addresses.set(key, addresses);
    addresses.push(copyOf(source));
    this.#count++;
  }

  /** Does the destination of this packet reply? */
  isOpen({ destination, port, protocol }: Packet): boolean {
    return this.#has(destination, knockKey(protocol, port));
  }

  #has(address: Address, key: number): boolean {
    const addresses = this.#addresses.get(key);
    if (addresses === undefined) return false;
    for (const one of addresses) if (sameAddress(one, address)) return true;
    return false;
  }
}
