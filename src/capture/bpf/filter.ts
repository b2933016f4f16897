// Doors and addresses → the program by which the kernel lets a packet through: only what some door can use.
//
// libpcap's own compiler takes seconds for a thousand doors and then passes the kernel's limit of instructions, after
// which everything reaches user space. Here ports are merged into ranges and searched by halves; what still does not
// fit becomes coarser (a superset: attempts.ts looks exactly). The packet is read as native/decode.cc reads it.

import type { ResolvedDoor } from "../../config/resolved-door.ts";
import type { Address } from "../../net/address.ts";
import { dropToFit, type PortClass, portClasses } from "./port-classes.ts";
import { FilterProgram } from "./program.ts";

/** Link-layer header length and where the ethertype stands in it (undefined: there is none, IP says what it is). */
const LINKS: Readonly<Record<number, { length: number; etherType: number | undefined }>> = {
  0: { length: 4, etherType: undefined }, // null
  1: { length: 14, etherType: 12 }, // Ethernet
  12: { length: 0, etherType: undefined }, // raw IP
  101: { length: 0, etherType: undefined }, // raw IP in a savefile
  108: { length: 4, etherType: undefined }, // loop
  113: { length: 16, etherType: 14 }, // Linux cooked v1
  276: { length: 20, etherType: 0 }, // Linux cooked v2
};

export interface FilterOptions {
  /** libpcap's DLT_ number. */
  readonly linkType: number;
  /** The addresses that doors without a Target listen at. */
  readonly own: readonly Address[];
  readonly resolvedDoors: readonly ResolvedDoor[];
  /** What else is let through while a scan may be under way, if doors count strays (scan-window.ts). */
  readonly strays?: readonly PortClass[];
  /**
   * From this source, everything is let through that may be a knock, to any port and address: UDP, and TCP without ACK, so
   * that its other connections cost nothing.
   */
  readonly followed?: Address | undefined;
}

/** Can packets of this link type be read? */
export function isSupported(linkType: number): boolean {
  return linkType in LINKS;
}

/** The program as `NativeCapture.setFilter` takes it. Throws when the link type is not known. */
export function buildFilter({ linkType, own, resolvedDoors, strays, followed }: FilterOptions): Uint8Array {
  const link = LINKS[linkType];
  if (link === undefined) throw new Error(`link type ${linkType} is not supported`);
  for (const bodies of dropToFit(portClasses(own, resolvedDoors, strays))) {
    const program = new FilterProgram(link.length, followed).build(link.etherType, bodies);
    if (program !== undefined) return program;
  }
  throw new Error("the doors need a packet filter that is too long for the kernel");
}
