// The config with a new door: a whole one where there is none worth keeping, or the lines that come behind those that are.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, ConfigError } from "../config/door.ts";
import type { FirewallMode } from "../config/opening.ts";
import { readConfig } from "../config/read.ts";
import { packageRoot } from "../platform/package-root.ts";
import { readRegularFile } from "../platform/read-file.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { formatSequence, type Sequence } from "../sequences/sequence.ts";

/** Those that come with us, and that nobody has edited: their sequences are printed in manuals. */
const EXAMPLES = ["/usr/share/knockd/knockd.conf", join(packageRoot, "knockd.conf.example")];
/** For each knock: whoever knocks by hand, or waits for a port that does not answer. */
const KNOCK_SECONDS = 5;
/** For a code, which lives as long. */
const CODE_SECONDS = 30;

export interface NewDoor {
  readonly name: string;
  readonly sequence: Sequence;
  /** The file of its clients, whose codes stand in the place of the sequence. */
  readonly clients?: string | undefined;
  /** Seconds for which it is open to who has knocked. */
  readonly seconds: number;
  /** The TCP port that it opens. */
  readonly port: number;
  /** Undefined: the config says it already. */
  readonly mode: FirewallMode | undefined;
  /** Networks that the gate lets in without a knock. */
  readonly allow: readonly string[];
  /** As in the config; undefined: as it is there, and in a new one `auto`. */
  readonly interface: string | undefined;
}

/** The file as it is, a byte a letter: what is no UTF-8 stays so. */
export interface Existing {
  readonly text: string;
  readonly config: Config;
}

/** Undefined where there is no file. Throws ConfigError at one that knockd would refuse: it is for its owner to mend. */
export function existingConfig(file: string): Existing | undefined {
  let text: string;
  try {
    text = readRegularFile(file).toString("latin1"); // init must not wait at a fifo
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new ConfigError(`${file}: ${systemErrorText(error)}`);
  }
  return { text, config: readConfig(file) };
}

/** Is there anything in it that somebody has made? */
export function isOwn({ text, config }: Existing): boolean {
  return config.doors.length > 0 && !EXAMPLES.some((file) => text === textOf(file));
}

/** The text without the sections of that name; UseSyslog counts wherever it stands. */
export function withoutDoor(text: string, door: string): string {
  let isLeftOut = false;
  const lines = text.split("\n").flatMap((line) => {
    const [, name] = /^\s*\[(.*)\]\s*$/.exec(line) ?? [];
    if (name !== undefined) isLeftOut = Buffer.from(name, "latin1").toString().trim() === door;
    if (!isLeftOut) return [line];
    return /^\s*usesyslog\b/i.test(line) ? ["[options]", line] : [];
  });
  return lines.join("\n");
}

/** `kept` is the text whose doors stay. */
export function configText(door: NewDoor, kept: string | undefined): string {
  const options = kept === undefined ? ["UseSyslog", `Interface = ${door.interface ?? "auto"}`] : [];
  if (kept !== undefined && door.interface !== undefined) options.push(`Interface = ${door.interface}`);
  if (door.mode?.kind === "mark") options.push(`Firewall = mark 0x${door.mode.mark.toString(16)}`);
  if (door.allow.length > 0) options.push(`Gate_Allow = ${door.allow.join(",")}`);
  const { clients, sequence } = door;
  const secret = clients === undefined ? " The sequence is a secret: only root may read this file." : "";
  const before = kept === undefined ? `# Written by knockctl init.${secret}\n` : kept;
  const knocks = clients === undefined ? `sequence    = ${plainSequence(sequence)}` : `Clients     = ${clients}`;
  return `${before.replace(/\n*$/, "\n")}\n${section("options", options)}${section(door.name, [
    knocks,
    `seq_timeout = ${clients === undefined ? KNOCK_SECONDS * sequence.length : CODE_SECONDS}`,
    "tcpflags    = syn",
    `open        = tcp/${door.port}`,
    `for         = ${door.seconds}s`,
  ])}`;
}

/** The same for the time of trial: it tells `log` which door has opened, in lines that trial.ts reads, and closes each when it ends. */
export function trialText(text: string, log: string, clientsState?: string): string {
  const options = [`LogFile = ${log}`, "LogFormat = text", "On_Exit = close"];
  if (clientsState !== undefined) options.push(`ClientsState = ${clientsState}`);
  return `${text}\n${section("options", options)}`;
}

/** As people write it: `7000,8000:udp`. */
export function plainSequence(sequence: Sequence): string {
  return formatSequence(sequence).replaceAll(":tcp", "");
}

function section(name: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `[${name}]\n${lines.map((line) => `\t${line}\n`).join("")}\n`;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return undefined;
  }
}
