// What happened to a packet, as a plain value for `knockctl explain` and `watch`.

import { VERDICT, type VerdictKind } from "../events/observer.ts";
import type { Address } from "../net/address.ts";
import type { Knock } from "../sequences/sequence.ts";

export interface Verdict {
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
  readonly knocker: Address;
  readonly kind: VerdictKind | "changed";
  /** The door's name; undefined for a packet of no door in particular. */
  readonly door: string | undefined;
  /** The attempt's stage after this packet, and the number of stages. 0 without an attempt. */
  readonly stage: number;
  readonly of: number;
  /** Its meaning depends on the kind (events/observer.ts). For a code, it is the value part of the codeDetail. */
  readonly detail: number;
  /** The client whose code it was. */
  readonly client?: string | undefined;
  /** The number of equal verdicts in a row. `at` is the time of the last one. */
  readonly times: number;
  /** Secret, because it may be a knock. Undefined if time, not a packet, caused the verdict. */
  readonly knock: Knock | undefined;
}

/**
 * Packs an entry into one number: 5 bits for the kind, 6 for the stage, 6 for the number of stages, 15 for the door.
 */
export function encode(kind: number, stage: number, of: number, door: number): number {
  return kind | (stage << 5) | (of << 11) | (door << 17);
}

export const MAX_DOORS = 1 << 15;
/** Used in place of a packet's key (net/knock-key.ts). */
export const NO_KNOCK = 0x20000;

const KINDS = Object.keys(VERDICT) as VerdictKind[];

export function decode(what: number): { kind: VerdictKind; stage: number; of: number; door: number } {
  return { kind: KINDS[what & 0x1f]!, stage: (what >>> 5) & 0x3f, of: (what >>> 11) & 0x3f, door: what >>> 17 };
}

export function isKind(what: number, kind: number): boolean {
  return (what & 0x1f) === kind;
}

export function knockOf(key: number): Knock | undefined {
  if (key === NO_KNOCK) return undefined;
  return { protocol: key < 0x10000 ? "tcp" : "udp", port: key & 0xffff };
}
