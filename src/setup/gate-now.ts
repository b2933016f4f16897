// Reads knockd's table in the kernel: which ports it closes now, and which clients it lets in. Loads the addon only when it is
// needed.

import type { OpenedPorts } from "../config/opening.ts";

export interface GateNow {
  readonly mode: "gate" | "mark";
  /** The config whose doors it serves. */
  readonly config: string;
  /** A running knockd owns the table: nobody else can change it. */
  readonly owner: number | undefined;
  /** The closed ports. None in mode `mark`. */
  readonly guarded: readonly OpenedPorts[];
}

/** Is the TCP port closed to clients that have not knocked? */
export function isGuarded(now: GateNow | undefined, port: number): boolean {
  return (now?.guarded ?? []).some(({ protocol, low, high }) => protocol === "tcp" && port >= low && port <= high);
}

let read: (() => GateNow | undefined) | undefined;

/** Call this before `gateNow`. */
export async function loadGate(): Promise<void> {
  const { readTable } = await import("../firewall/table-status.ts");
  read = readTable;
}

/** Undefined if knockd has no table. */
export function gateNow(): GateNow | undefined {
  return read!();
}
