// A door that is open for one client and will be closed again.

import type { Address } from "../net/address.ts";
import type { LedgerEntry } from "./ledger-entry.ts";

/** One door as one client has opened it, once or several times. */
export interface OpenDoor {
  readonly key: string;
  /** The door's name. */
  readonly door: string;
  readonly knocker: Address;
  /** The entry that undoes each start command, in the order of the start commands. */
  pendingCloses: LedgerEntry[];
  /** When they are due, in seconds of the monotonic clock. */
  due: number;
  timer: { cancel(): void } | undefined;
  /** Has it been logged that further knocks only extend the time? */
  isTold: boolean;
}

/** The largest number of start commands of one door for one client. Further knocks only extend the time. */
export const MAX_OF_ONE = 64;

export function isFull({ pendingCloses: toClose }: OpenDoor): boolean {
  return toClose.length >= MAX_OF_ONE;
}

export function keyOf(door: string, ip: string): string {
  return `${ip} ${door}`;
}
