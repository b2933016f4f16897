// Doors and addresses → the BPF program by which the kernel passes only packets that some door can use.
//
// libpcap's own compiler takes seconds for a thousand doors. Its program then exceeds the kernel's limit of
// instructions, and every packet reaches user space. So this one merges ports into ranges and finds them by binary
// search. A program that is still too long becomes coarser: it passes a superset, and attempts.ts checks exactly. It
// reads a packet as native/decode.cc does.

import type { ResolvedDoor } from "../../config/resolved-door.ts";
import type { Address } from "../../net/address.ts";
import { dropToFit, type PortClass, portClasses } from "./port-classes.ts";
import { FilterProgram } from "./program.ts";

/**
 * The length of the link-layer header, and the offset of its ethertype. Undefined: it has none, and IP's version
 * decides.
 */
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
  /** The addresses at which doors without a Target listen. */
  readonly own: readonly Address[];
  readonly resolvedDoors: readonly ResolvedDoor[];
  /** What else is passed while a scan may be in progress, if doors count strays (scan-window.ts). */
  readonly strays?: readonly PortClass[];
  /**
   * Passes everything from this source that may be a knock, to any port and address: UDP, and TCP without ACK. Its
   * other connections then cost nothing.
   */
  readonly followed?: Address | undefined;
}

/** Can packets of this link type be read? */
export function isSupported(linkType: number): boolean {
  return linkType in LINKS;
}

/** The program for `NativeCapture.setFilter`. Throws when the link type is unknown. */
export function buildFilter({ linkType, own, resolvedDoors, strays, followed }: FilterOptions): Uint8Array {
  const link = LINKS[linkType];
  if (link === undefined) throw new Error(`link type ${linkType} is not supported`);
  for (const bodies of dropToFit(portClasses(own, resolvedDoors, strays))) {
    const program = new FilterProgram(link.length, followed).build(link.etherType, bodies);
    if (program !== undefined) return program;
  }
  throw new Error("the doors need a packet filter that is too long for the kernel");
}
