// The config with a new door: a whole new config, or the old one with the lines of the door at its end.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, ConfigError } from "../config/door.ts";
import type { FirewallMode } from "../config/opening.ts";
import { readConfig } from "../config/read.ts";
import { packageRoot } from "../platform/package-root.ts";
import { readRegularFile } from "../platform/read-file.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { formatSequence, type Sequence } from "../sequences/sequence.ts";

/** The example configs. If the user has not edited one, its doors do not stay, because manuals print their sequences. */
const EXAMPLES = ["/usr/share/knockd/knockd.conf", join(packageRoot, "knockd.conf.example")];
/** Seconds for each knock: enough to knock by hand, or to wait for a port that does not answer. */
const KNOCK_SECONDS = 5;
/** Seconds for a code, which is valid for as long. */
const CODE_SECONDS = 30;

export interface NewDoor {
  readonly name: string;
  readonly sequence: Sequence;
  /** The clients file, if codes replace the sequence. */
  readonly clients?: string | undefined;
  /** How long it stays open to a client that knocked, in seconds. */
  readonly seconds: number;
  /** The TCP port that it opens. */
  readonly port: number;
  /** Undefined: the config has the directive already. */
  readonly mode: FirewallMode | undefined;
  /** Networks that the gate lets in without a knock. */
  readonly allow: readonly string[];
  /** As in the config. Undefined: leave it as it is; in a new config, `auto`. */
  readonly interface: string | undefined;
}

/** The file with one character per byte, so that bytes which are not UTF-8 stay as they are. */
export interface Existing {
  readonly text: string;
  readonly config: Config;
}

/** Undefined if there is no file. Throws ConfigError if knockd would refuse it: its owner has to correct it. */
export function existingConfig(file: string): Existing | undefined {
  let text: string;
  try {
    text = readRegularFile(file).toString("latin1"); // never waits for a fifo
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new ConfigError(`${file}: ${systemErrorText(error)}`);
  }
  return { text, config: readConfig(file) };
}

/** Does it contain doors that a user has written? */
export function isOwn({ text, config }: Existing): boolean {
  return config.doors.length > 0 && !EXAMPLES.some((file) => text === textOf(file));
}

/** The text without the sections of this name. Keeps a UseSyslog in them, which counts in any section. */
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

/**
 * Of several Interface lines the first counts, so those of before become comments. Undefined: the text stays, because it names
 * this interface already, and no other.
 */
function withoutInterface(text: string, wanted: string): string | undefined {
  const named = [...text.matchAll(/^[ \t]*interface[ \t]*=[ \t]*(.*?)[ \t]*$/gim)].map(([, value]) => value);
  if (named.length > 0 && named.every((value) => value === wanted)) return undefined;
  return text.replace(/^[ \t]*interface[ \t]*=/gim, "#$&");
}

/** `kept` is the text whose doors stay. */
export function configText(door: NewDoor, kept: string | undefined): string {
  const options = kept === undefined ? ["UseSyslog", `Interface = ${door.interface ?? "auto"}`] : [];
  const changed =
    kept === undefined || door.interface === undefined ? undefined : withoutInterface(kept, door.interface);
  if (changed !== undefined) options.push(`Interface = ${door.interface}`);
  if (door.mode?.kind === "mark") options.push(`Firewall = mark 0x${door.mode.mark.toString(16)}`);
  if (door.allow.length > 0) options.push(`Gate_Allow = ${door.allow.join(",")}`);
  const { clients, sequence } = door;
  const secret = clients === undefined ? " The sequence is a secret: only root may read this file." : "";
  const before = changed ?? kept ?? `# Written by knockctl init.${secret}\n`;
  const knocks = clients === undefined ? `sequence    = ${plainSequence(sequence)}` : `Clients     = ${clients}`;
  return `${before.replace(/\n*$/, "\n")}\n${section("options", options)}${section(door.name, [
    knocks,
    `seq_timeout = ${clients === undefined ? KNOCK_SECONDS * sequence.length : CODE_SECONDS}`,
    "tcpflags    = syn",
    `open        = tcp/${door.port}`,
    `for         = ${door.seconds}s`,
  ])}`;
}

/** The config for the trial: it logs openings to `log` in lines that trial.ts reads, and doors close when knockd ends. */
export function trialText(text: string, log: string, clientsState?: string): string {
  const options = [`LogFile = ${log}`, "LogFormat = text", "On_Exit = close"];
  if (clientsState !== undefined) options.push(`ClientsState = ${clientsState}`);
  return `${text}\n${section("options", options)}`;
}

/** The sequence as people write it: `7000,8000:udp`. */
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
