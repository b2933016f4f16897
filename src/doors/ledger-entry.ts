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

const VERSION = 2;

/** The first line of a ledger. Each further one opens a door, or opens it anew, or closes it. */
export const LEDGER_HEAD = `${JSON.stringify({ version: VERSION })}\n`;

export function openLine(entry: LedgerEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

export function closedLine(id: number): string {
  return `${JSON.stringify({ closed: id })}\n`;
}

/**
 * What is open at the end of it. A last line without its end is passed over: a crash came while it was written, and
 * nothing has been opened by it. Throws an Error that says what is wrong.
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
