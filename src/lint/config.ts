// Reads the config as the daemon does: what the daemon refuses, what it warns about, and likely mistakes.

import { directiveName, doorDirectives, optionDirectives } from "../config/directives.ts";
import { type Config, ConfigError } from "../config/door.ts";
import { readConfig } from "../config/read.ts";
import { suggestion } from "../terminal/suggestion.ts";
import { type Finding, ofDaemon, RESOLVE_HINT } from "./finding.ts";

export interface Reading {
  /** Undefined if the daemon refuses it. */
  readonly config: Config | undefined;
  readonly findings: readonly Finding[];
}

export function read(file: string): Reading {
  const finding = (severity: Finding["severity"], text: string) => ofDaemon(severity, file, text, hint(text));
  try {
    const config = readConfig(file);
    return { config, findings: config.warnings.map((text) => finding("warning", text)) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { config: undefined, findings: [finding("error", error.message)] };
  }
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/: Permission denied$/, "Run it as root: sudo knockctl check"],
  [/^[^(]*: No such file or directory$/, "Name the config: knockctl check FILE"],
  [/: No such file or directory/, "Create the file, or correct its path."],
  [/: syntax error \(/, "Write NAME = VALUE, or begin the line with # to make it a comment."],
  [/ \(.*: \ufeff/, "Save the file as UTF-8 without a byte order mark (BOM)."],
  [/: all directives must belong to a section/, "Put [options] or the [name] of a door above it."],
  [/unrecognized flag/, "The flags are fin, syn, rst, psh, ack and urg. A ! before a flag means: not set."],
  [/unknown protocol/, "Write each knock as PORT, PORT:tcp or PORT:udp, separated by commas."],
  [
    /is more than a port and a protocol|port ".*" is invalid|empty element/,
    "Write each knock as PORT, PORT:tcp or PORT:udp, separated by commas. Ports are 1 to 65535.",
  ],
  [/empty knock sequence/, "Give the door a Sequence or One_Time_Sequences."],
  [/no more sequences left/, "Add new sequences to the file, one per line."],
  [/cannot be resolved/, RESOLVE_HINT],
];

/** What to do. Undefined if the message already says it. */
function hint(text: string): string | undefined {
  const unknown = /: unknown directive "(.*?)" in (\[options\]|a door) \(/.exec(text);
  if (unknown === null) return HINTS.find(([pattern]) => pattern.test(text))?.[1];
  const isGlobal = unknown[2] === "[options]";
  const name = directiveName(unknown[1]!);
  const [here, there] = isGlobal ? [optionDirectives, doorDirectives] : [doorDirectives, optionDirectives];
  if (name in there) return isGlobal ? "Move it to a door." : "Move it to [options].";
  const likely = suggestion(unknown[1]!, [...Object.keys(here), "timeout", "command", "command_6"]);
  return likely === undefined ? "See man knockd.conf for all directives." : `Did you mean "${likely}"?`;
}
