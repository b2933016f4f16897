// An open door as the ledger has it: what closes it and when, by two clocks, and how that is written down.

import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { uptime } from "node:os";

/** A start command that has run, or is about to, and what undoes it. */
export interface LedgerEntry {
  readonly id: number;
  /** The door's name: it may be in no config any more. */
  readonly door: string;
  readonly ip: string;
  /** To the letter, the address filled in. */
  readonly stopCommand: string;
  /** Seconds after which the stop command is ended if it still runs; 0: never. */
  readonly commandTimeout: number;
  /** May the stop command run beside others? Absent: it goes by its programs (exclusion.ts). */
  readonly parallel?: boolean | undefined;
  /** When it is to run: milliseconds of the wall clock, and of this boot's. */
  readonly due: { readonly wall: number; readonly boot: number; readonly bootId: string };
}

const VERSION = 1;

export function ledgerText(open: readonly LedgerEntry[]): string {
  return JSON.stringify({ version: VERSION, open });
}

/** Throws an Error that says what is wrong with it. */
export function parseLedger(text: string): LedgerEntry[] {
  const parsed: unknown = JSON.parse(text);
  const { version, open } = (typeof parsed === "object" && parsed !== null ? parsed : {}) as Record<string, unknown>;
  if (version !== VERSION) throw new Error(`version ${JSON.stringify(version)}, not ${VERSION}`);
  if (!Array.isArray(open)) throw new Error("it has no list of open doors");
  return open.map((one, i) => {
    if (!isEntry(one)) throw new Error(`its entry ${i + 1} is not an open door`);
    return one;
  });
}

function isEntry(one: unknown): one is LedgerEntry {
  if (typeof one !== "object" || one === null) return false;
  const { id, door, ip, stopCommand, commandTimeout, parallel, due } = one as Record<string, unknown>;
  if (typeof due !== "object" || due === null) return false;
  const { wall, boot, bootId } = due as Record<string, unknown>;
  const texts = [door, ip, stopCommand, bootId].every((text) => typeof text === "string");
  const numbers = [commandTimeout, wall, boot].every((number) => typeof number === "number" && Number.isFinite(number));
  if (parallel !== undefined && typeof parallel !== "boolean") return false;
  return texts && numbers && Number.isSafeInteger(id) && (id as number) > 0;
}

/** Seconds until it is due, not below 0. In the boot of its writing the wall clock does not matter: a Pi's jumps by years. */
export function secondsLeft({ due }: LedgerEntry): number {
  const here = bootClock();
  const left = due.bootId === here.bootId ? due.boot - here.boot : due.wall - Date.now();
  return Math.max(0, left / 1000);
}

/** So many seconds from now. */
export function dueIn(seconds: number): LedgerEntry["due"] {
  const { boot, bootId } = bootClock();
  return { wall: Math.round(Date.now() + seconds * 1000), boot: Math.round(boot + seconds * 1000), bootId };
}

/** Milliseconds since the boot, time asleep included, and which boot. Never throws, when no file can be opened either. */
function bootClock(): { boot: number; bootId: string } {
  return { boot: uptime() * 1000, bootId: BOOT_ID };
}
const BOOT_ID = readBootId();

/** Without /proc, one that is no other's: the wall clock counts then. */
function readBootId(): string {
  try {
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return randomUUID();
  }
}
