// A door that is open for a knocker and will be closed again; and what comes of opening and closing one.

import type { Door } from "../config/door.ts";
import { type Address, isIpv4 } from "../net/address.ts";
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

/** Start commands of one door for one knocker: further knocks extend its time. */
export const MOST_OF_ONE = 64;

export function isFull({ pendingCloses: toClose }: OpenDoor): boolean {
  return toClose.length >= MOST_OF_ONE;
}

export function keyOf(door: string, ip: string): string {
  return `${ip} ${door}`;
}

/** Those for the knocker's family. */
export function commandsOf(
  door: Door,
  knocker: Address,
): { readonly start: string | undefined; readonly stop: string | undefined } {
  const ipv4 = isIpv4(knocker);
  return {
    start: ipv4 ? door.startCommand : (door.startCommand6 ?? door.startCommand),
    stop: ipv4 ? door.stopCommand : (door.stopCommand6 ?? door.stopCommand),
  };
}

/** The same for people. */
export interface OpenDoorInfo {
  readonly door: string;
  readonly ip: string;
  /** Seconds until it is closed; undefined while it is being opened or closed. */
  readonly left: number | undefined;
}

/** Nothing was done, and why. */
export interface DoorRefusal {
  readonly refused: string;
}

/** The status of the command, the first that is not 0; undefined where one could not be started. */
export type CommandOutcome = { readonly status: number | undefined } | DoorRefusal;

export const NOT_OPEN: DoorRefusal = { refused: "it is not open, as far as knockd knows" };
export const NO_COMMAND: DoorRefusal = { refused: "it has no start command" };
