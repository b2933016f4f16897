// The values of knockd.conf: its doors and its [options].

import type { Client } from "../codes/client.ts";
import type { TcpFlags } from "../net/tcp-flags.ts";
import type { Sequence } from "../sequences/sequence.ts";
import type { FirewallOptions, Opening } from "./opening.ts";

export interface Door {
  /** The exact text between the brackets. Two doors may have the same name. */
  readonly name: string;
  readonly sequence: Sequence;
  /** The file of one-time sequences, if `sequence` comes from one. */
  readonly oneTimeSequences: string | undefined;
  /** The clients file whose codes open the door, beside the sequence or instead of it, and the door's clients in it. */
  readonly clientsFile: string | undefined;
  readonly clients: readonly Client[];
  /** Seconds for the whole sequence, from its first knock. */
  readonly seqTimeout: number;
  readonly tcpFlags: TcpFlags;
  /** An address or a name, in place of the interface's own addresses. */
  readonly target: Target | undefined;
  readonly startCommand: string | undefined;
  readonly stopCommand: string | undefined;
  /** For IPv6 clients. Undefined: the command above. Empty: run nothing. */
  readonly startCommand6: string | undefined;
  readonly stopCommand6: string | undefined;
  /** Seconds from the end of the start command to the stop command. */
  readonly cmdTimeout: number;
  /** What the door opens without a command. */
  readonly opening: Opening | undefined;
  readonly policy: Policy;
}

/** Settings that 0.8 does not have. [options] sets them for all doors, and each door may set its own. */
export interface Policy {
  /** A knock at an open door runs the start command again, or only extends the time. */
  readonly reknock: "run" | "extend";
  /** Seconds after an opening in which the door does not open again for the same client. */
  readonly seqCooldown: number;
  /** For whom Seq_Cooldown counts: the same client, or everyone. */
  readonly seqCooldownScope: "client" | "door";
  /** Seconds after an opening in which the door opens for no client. */
  readonly cooldown: number;
  /** The number of different other ports that make an attempt a scan. 0: never. */
  readonly maxStrays: number;
  /** One stray is enough. */
  readonly strict: boolean;
  /** Seconds in which a scanner is ignored. */
  readonly banTime: number;
  /** The sequence is meant to be easy: do not warn (weak-doors.ts). */
  readonly easy: boolean;
  /** Seconds after which a running command is killed. 0: never. */
  readonly commandTimeout: number;
  /** May its commands run beside others? Undefined: it depends on their programs (runner/exclusion.ts). */
  readonly parallel: boolean | undefined;
  /** Windows of 30 seconds before and after the current one whose codes count too. */
  readonly codeSkew: number;
  /** For this many seconds, a second source with the same code makes both fail. */
  readonly codeHold: number;
  /**
   * After this many wrong codes of a client in a day, two in a row are needed. 0: never. Undefined: the default of its
   * kind.
   */
  readonly maxGuesses: number | undefined;
  /** `close`: a replay also closes the door for the address that used the code. */
  readonly onReplay: "log" | "close";
}

export const DEFAULT_POLICY: Policy = {
  reknock: "run",
  seqCooldown: 0,
  seqCooldownScope: "client",
  cooldown: 0,
  maxStrays: 8,
  strict: false,
  banTime: 60,
  easy: false,
  commandTimeout: 0,
  parallel: undefined,
  codeSkew: 1,
  codeHold: 0.25,
  maxGuesses: undefined,
  onReplay: "log",
};

/** The longer a code counts, the longer it can be replayed. */
export const MAX_SKEW = 10;
/** Seconds. */
export const MAX_HOLD = 5;

/** The number of different stray ports that make a scan. 0: never. */
export function strayLimit({ strict, maxStrays }: Pick<Policy, "strict" | "maxStrays">): number {
  return strict ? 1 : maxStrays;
}

/** The value of `Target =` and its line. It is resolved later. */
export interface Target {
  readonly host: string;
  readonly line: Line;
}

/** A trimmed line of the file. The first is number 1. */
export interface Line {
  readonly number: number;
  readonly text: string;
}

/** The [options] of knockd.conf. */
export interface FileOptions {
  readonly useSyslog: boolean;
  readonly logFile: string | undefined;
  /** Format of the log file: 0.8's lines, or pino's JSON objects with that line as `msg`. */
  readonly logFormat: "text" | "json";
  /** Lines of a text log file begin with a time to the second. 0.8's stop at the minute. */
  readonly logSeconds: boolean;
  readonly pidFile: string | undefined;
  /** The exact text: a name, a list, a pattern or `auto` (capture/interfaces.ts). */
  readonly interface: string | undefined;
  /** The path of the ledger of open doors. */
  readonly stateFile: string | undefined;
  /** The path of the file that records used codes. */
  readonly clientsState: string | undefined;
  /** What happens to open doors at SIGTERM. */
  readonly onExit: "close" | "keep";
  /** For doors that open ports without a command. */
  readonly firewall: FirewallOptions;
  /** For doors that do not set their own. */
  readonly policy: Partial<Policy>;
}

export interface Overruled {
  /** The section's name. */
  readonly section: string;
  readonly line: Line;
  /** The line that counts. */
  readonly by: Line;
}

export interface Config {
  /** Its path, as given. */
  readonly file: string;
  readonly options: FileOptions;
  readonly doors: readonly Door[];
  /** The file is empty or has only white space: most likely a full disk or a power cut has emptied it. */
  readonly isBlank: boolean;
  /** Faults that do not refuse the config, one line each. */
  readonly warnings: readonly string[];
  /** Lines without effect: another line of the section sets the same directive. */
  readonly overruled: readonly Overruled[];
  /** For each door and for [options]: the line that counts for each directive (by its name in the tables). */
  readonly lines: ReadonlyMap<Door | FileOptions, ReadonlyMap<string, Line>>;
}

/** The config is refused. The message names and quotes the line, if there is one. */
export class ConfigError extends Error {}

/** The line number in a complaint. Undefined if it is about the whole file. */
export function lineNumber(complaint: string): number | undefined {
  const found = /^config: line (\d+): /.exec(complaint) ?? /: line (\d+)\)$/.exec(complaint);
  return found === null ? undefined : Number(found[1]);
}

/**
 * The form of every complaint about a line: 0.8's beginning, then the file and the line itself. It quotes the line, so
 * a client's secret belongs in another file.
 */
export function complain(file: string, line: Line, why: string): string {
  const text = line.text.replace(/^(secret\s*=).*/is, "$1 …");
  return `config: line ${line.number}: ${why} (${file}: ${text})`;
}

/** The largest Max_Strays: the daemon cannot count more ports. */
export const MAX_STRAYS = 64;
