// What the wire gives the state machine: the few fields by which a knock is known.

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

/** A packet and what only `-D` and savefiles ask for. */
export interface CapturedPacket extends Packet {
  /** Bytes on the wire, link-layer header included. */
  length: number;
  /** Of capture, seconds since 1970. */
  time: number;
}
