// A door that is open for a knocker and will be closed again; and what comes of opening and closing one.

import type { Address } from "../net/address.ts";
import type { LedgerEntry } from "./ledger-entry.ts";

/** One door as one knocker has opened it, once or again. */
export interface OpenDoor {
  readonly key: string;
  /** The name. */
  readonly door: string;
  readonly knocker: Address;
  /** Of each start command, what undoes it, in their order. */
  pendingCloses: LedgerEntry[];
  /** When they are due, in seconds of the monotonic clock. */
  due: number;
  timer: { cancel(): void } | undefined;
  /** That further knocks only extend its time. */
  isTold: boolean;
}

/** Start commands of one door for one knocker: further knocks only extend the time. */
export const MAX_OF_ONE = 64;

export function isFull({ pendingCloses: toClose }: OpenDoor): boolean {
  return toClose.length >= MAX_OF_ONE;
}

export function keyOf(door: string, ip: string): string {
  return `${ip} ${door}`;
}
