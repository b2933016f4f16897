// A packet for the tests of the parts of attempts/.

import { CurrentPacket } from "../src/attempts/current-packet.ts";
import type { Address } from "../src/net/address.ts";

export function currentOf(source: Address, fields: Partial<CurrentPacket> = {}): CurrentPacket {
  const current = new CurrentPacket();
  return Object.assign(current, { packet: { ...current.packet, source }, ...fields });
}
