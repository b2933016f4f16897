// The fields of a packet that decide whether it is a knock.

import type { Address } from "./address.ts";

export interface Packet {
  source: Address;
  destination: Address;
  sourcePort: number;
  port: number;
  /** 6 is TCP, 17 UDP; there is no other. */
  protocol: number;
  /** TCP's flags byte without ECE and CWR; 0 for UDP. */
  flags: number;
  /** IPv4's TTL or IPv6's hop limit. */
  ttl: number;
  /** TCP's sequence number, signed; 0 for UDP. */
  sequence: number;
}

export const TCP = 6;
export const UDP = 17;

/** A packet with the fields that only `-D` and savefiles need. */
export interface CapturedPacket extends Packet {
  /** Bytes on the wire, link-layer header included. */
  length: number;
  /** The time of capture, in seconds since 1970. */
  time: number;
}
