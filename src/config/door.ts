// One section of knockd.conf, and what belongs to no door.

import type { TcpFlags } from "../net/tcp-flags.ts";
import type { Sequence } from "../sequences/sequence.ts";
import type { FirewallOptions, Opening } from "./opening.ts";

export interface Door {
  /** To the letter what stood between the brackets; only a name, and two doors may bear the same. */
  readonly name: string;
  readonly sequence: Sequence;
  /** The file that `sequence` was taken from, when it is to be used once. */
  readonly oneTimeSequences: string | undefined;
  /** Seconds for the whole sequence, from its first knock. */
  readonly seqTimeout: number;
  readonly tcpFlags: TcpFlags;
  /** An address or a name, in place of the interface's own addresses. */
  readonly target: Target | undefined;
  readonly startCommand: string | undefined;
  readonly stopCommand: string | undefined;
  /** For IPv6 knockers. Undefined: the one above; empty: nothing is run. */
  readonly startCommand6: string | undefined;
  readonly stopCommand6: string | undefined;
  /** Seconds from the end of the start command to the stop command. */
  readonly cmdTimeout: number;
  /** What it opens without a command. */
  readonly opening: Opening | undefined;
  readonly policy: Policy;
}

/** What 0.8 has no word for. [options] may set it for all doors, and each door for itself. */
export interface Policy {
  /** What a knock at a door that is open for its knocker does: the start command again, or only a later closing. */
  readonly reknock: "run" | "extend";
  /** Seconds after an opening for which the door does not open again for the same knocker. */
  readonly seqCooldown: number;
  /** So many different ports that are no knocks, touched within an attempt's life, are a scan; 0: nothing is. */
  readonly maxStrays: number;
  /** The first such port is enough. */
  readonly strict: boolean;
  /** Seconds for which a scanner is ignored. */
  readonly banTime: number;
  /** Its sequence may be easily found (weak-doors.ts): it is not warned of. */
  readonly easy: boolean;
  /** Seconds after which a command that still runs is ended; 0: never. */
  readonly commandTimeout: number;
  /** May its commands run beside others? Undefined: it goes by their programs (doors/exclusion.ts). */
  readonly parallel: boolean | undefined;
}

export const DEFAULT_POLICY: Policy = {
  reknock: "run",
  seqCooldown: 0,
  maxStrays: 8,
  strict: false,
  banTime: 60,
  easy: false,
  commandTimeout: 0,
  parallel: undefined,
};

/** So many different stray ports are a scan to a door; 0: none are. */
export function strayLimit({ strict, maxStrays }: Pick<Policy, "strict" | "maxStrays">): number {
  return strict ? 1 : maxStrays;
}

/** What stood behind `Target =`, and where: whether it can be resolved is known only later. */
export interface Target {
  readonly host: string;
  readonly line: Line;
}

/** A line of the file, from 1, blanks around it gone. */
export interface Line {
  readonly number: number;
  readonly text: string;
}

/** The [options] of knockd.conf. */
export interface FileOptions {
  readonly useSyslog: boolean;
  readonly logFile: string | undefined;
  /** Of the log file: 0.8's lines, or pino's, JSON objects with the same as `msg`. */
  readonly logFormat: "text" | "json";
  /** Lines of a text log file begin with the second, not only with the minute, as 0.8's. */
  readonly logSeconds: boolean;
  readonly pidFile: string | undefined;
  /** To the letter: a list, a pattern and `auto` too (capture/interfaces.ts). */
  readonly interface: string | undefined;
  /** Where the ledger of open doors is kept. */
  readonly stateFile: string | undefined;
  /** What becomes of open doors when we are told to end. */
  readonly onExit: "close" | "keep";
  /** For the doors that open something without a command. */
  readonly firewall: FirewallOptions;
  /** For the doors that do not say it themselves. */
  readonly policy: Partial<Policy>;
}

export interface Overruled {
  /** The section's name. */
  readonly section: string;
  readonly line: Line;
  /** The one that counts. */
  readonly by: Line;
}

export interface Config {
  /** The path it was read from, as given. */
  readonly file: string;
  readonly options: FileOptions;
  readonly doors: readonly Door[];
  /** What was wrong and yet no reason to refuse it all, a line each. */
  readonly warnings: readonly string[];
  /** Lines that do not count: a later one of the same section says the same directive otherwise. */
  readonly overruled: readonly Overruled[];
  /** Of each door and of [options], by directive (its name as the tables have it) the line that counts. */
  readonly lines: ReadonlyMap<Door | FileOptions, ReadonlyMap<string, Line>>;
}

/** A config that is refused. The message names the line and quotes it, where there is one. */
export class ConfigError extends Error {}

/** The line's number in a complaint about one; undefined in one about all of the file. */
export function lineNumber(complaint: string): number | undefined {
  const found = /^config: line (\d+): /.exec(complaint) ?? /: line (\d+)\)$/.exec(complaint);
  return found === null ? undefined : Number(found[1]);
}

/** The one form of a complaint about a line: 0.8's beginning, then the file and the text. */
export function complain(file: string, line: Line, why: string): string {
  return `config: line ${line.number}: ${why} (${file}: ${line.text})`;
}

/** So many can be told apart: Max_Strays can't ask for more. */
export const MOST_STRAYS = 64;
