// An entry of the ledger: the command that closes an open door, when it is due by two clocks, and how it is written.

import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { uptime } from "node:os";

/** A start command that has run or is about to run, and the stop command that undoes it. */
export interface LedgerEntry {
  readonly id: number;
  /** The door's name. The door may be in no config any more. */
  readonly door: string;
  readonly ip: string;
  /** The exact command, with the address filled in. */
  readonly stopCommand: string;
  /** Seconds after which a stop command that still runs is killed. 0: never. */
  readonly commandTimeout: number;
  /** May the stop command run beside others? Undefined: its programs decide (exclusion.ts). */
  readonly parallel?: boolean | undefined;
  /** When it must run: in milliseconds of the wall clock, and in milliseconds since the boot with this id. */
  readonly due: { readonly wall: number; readonly boot: number; readonly bootId: string };
}

const VERSION = 2;

/** The first line of a ledger. Each further line opens a door, changes its time, or closes it. */
export const LEDGER_HEAD = `${JSON.stringify({ version: VERSION })}\n`;

export function openLine(entry: LedgerEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

export function closedLine(id: number): string {
  return `${JSON.stringify({ closed: id })}\n`;
}

/**
 * Returns the doors that are open at the end of the ledger. Ignores a last line without a line feed: a crash came while it
 * was written, so its door was not opened yet. Throws an Error with the reason.
 */
export function parseLedger(bytes: Buffer): LedgerEntry[] {
  const open = new Map<number, LedgerEntry>();
  let number = 0;
  for (let start = 0, end: number; start < bytes.length; start = end + 1) {
    end = bytes.indexOf("\n", start);
    if (end < 0 && number > 0) break;
    const line: unknown = JSON.parse(bytes.toString("utf8", start, end < 0 ? bytes.length : end));
    number++;
    if (number === 1) {
      if (versionOf(line) !== VERSION) throw new Error(`version ${JSON.stringify(versionOf(line))}, not ${VERSION}`);
      if (end < 0) break;
    } else if (isEntry(line)) {
      open.set(line.id, line);
    } else if (!isClosed(line)) {
      throw new Error(`line ${number} is neither an opening nor a closing`);
    } else {
      open.delete(line.closed);
    }
  }
  return [...open.values()].sort((a, b) => a.id - b.id); // in the order of their start commands
}

function versionOf(line: unknown): unknown {
  return typeof line === "object" && line !== null ? (line as Record<string, unknown>).version : undefined;
}

function isClosed(line: unknown): line is { closed: number } {
  return typeof line === "object" && line !== null && Number.isSafeInteger((line as Record<string, unknown>).closed);
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

/** Seconds until it is due, at least 0. In the same boot, the wall clock does not count: that of a Pi jumps by years. */
export function secondsLeft({ due }: LedgerEntry): number {
  const here = bootClock();
  const left = due.bootId === here.bootId ? due.boot - here.boot : due.wall - Date.now();
  return Math.max(0, left / 1000);
}

/** The time `seconds` from now. */
export function dueIn(seconds: number): LedgerEntry["due"] {
  const { boot, bootId } = bootClock();
  return { wall: Math.round(Date.now() + seconds * 1000), boot: Math.round(boot + seconds * 1000), bootId };
}

/** Milliseconds since the boot, including suspended time, and the boot's id. Never throws, even if no file can be opened. */
function bootClock(): { boot: number; bootId: string } {
  return { boot: uptime() * 1000, bootId: BOOT_ID };
}
const BOOT_ID = readBootId();

/** Without /proc, an id that no other boot has, so that the wall clock counts. */
function readBootId(): string {
  try {
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return randomUUID();
  }
}
