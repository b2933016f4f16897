// A protocol and a port as one number below KNOCK_KEYS, the index of an array of knocks.

import { TCP } from "./packet.ts";

/** `protocol` is that of a packet, TCP or UDP. */
export function knockKey(protocol: number, port: number): number {
  return protocol === TCP ? port : 0x10000 | port;
}

export const KNOCK_KEYS = 0x20000;
