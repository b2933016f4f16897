// What has become of a packet, as a plain value: for knockctl's explain, and for who wants to watch it come about.

import { VERDICT, type VerdictKind } from "../attempts/observer.ts";
import type { Address } from "../net/address.ts";
import type { Knock } from "../sequences/sequence.ts";

export interface Verdict {
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
  readonly knocker: Address;
  readonly fate: VerdictKind | "changed";
  /** By name; undefined where it is no one's in particular. */
  readonly door: string | undefined;
  /** Of the attempt there, after this packet, and how many there are; 0 where there is none. */
  readonly stage: number;
  readonly of: number;
  /** What it is depends on the fate (observer.ts). */
  readonly detail: number;
  /** So many in a row were the same, at last at this time. */
  readonly times: number;
  /** A secret, as it may be a knock. Undefined where time has brought it about. */
  readonly knock: Knock | undefined;
}

/** The rest of an entry as one number: 5 bits of fate, 6 of stage, 6 of how many, 15 of the door. */
export function encode(fate: number, stage: number, of: number, door: number): number {
  return fate | (stage << 5) | (of << 11) | (door << 17);
}

export const MOST_DOORS = 1 << 15;
/** In the place of a packet's key (door-index.ts). */
export const NO_KNOCK = 0x20000;

const FATES = Object.keys(VERDICT) as VerdictKind[];

export function decode(what: number): { fate: VerdictKind; stage: number; of: number; door: number } {
  return { fate: FATES[what & 0x1f]!, stage: (what >>> 5) & 0x3f, of: (what >>> 11) & 0x3f, door: what >>> 17 };
}

export function isFate(what: number, fate: number): boolean {
  return (what & 0x1f) === fate;
}

export function knockOf(key: number): Knock | undefined {
  if (key === NO_KNOCK) return undefined;
  return { protocol: key < 0x10000 ? "tcp" : "udp", port: key & 0xffff };
}
