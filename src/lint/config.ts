// The config as the daemon reads it: what it refuses, what it warns of, and what may have been meant.

import { directiveName, doorDirectives, optionDirectives } from "../config/directives.ts";
import { type Config, ConfigError, lineNumber } from "../config/door.ts";
import { readConfig } from "../config/read.ts";
import type { Finding } from "./finding.ts";

export interface Reading {
  /** Undefined when it is refused. */
  readonly config: Config | undefined;
  readonly findings: readonly Finding[];
}

export function read(file: string): Reading {
  const finding = (severity: Finding["severity"], text: string): Finding => ({
    severity,
    lint: "config",
    file,
    line: lineNumber(text),
    text: text.replace(/^error: /, ""), // the finding says so itself
    hint: hint(text),
  });
  try {
    const config = readConfig(file);
    return { config, findings: config.warnings.map((text) => finding("warning", text)) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { config: undefined, findings: [finding("error", error.message)] };
  }
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/: Permission denied$/, "run knockctl as root (sudo knockctl check)"],
  [/: No such file or directory/, "name the config: knockctl check FILE"],
  [/: syntax error \(/, "a directive is NAME = VALUE; a comment begins with #, on a line of its own"],
  [/: all directives must belong to a section/, "put [options], or the [name] of a door, above it"],
  [/unrecognized flag/, "flags are fin, syn, rst, psh, ack, urg, each maybe with !"],
  [/unknown protocol/, "a knock is PORT, PORT:tcp or PORT:udp, with commas between"],
  [
    /is more than a port and a protocol|port ".*" is invalid|empty element/,
    "a sequence is PORT[:tcp|udp],…: with commas between, ports from 1 to 65535",
  ],
  [/empty knock sequence/, "give the door a Sequence, or One_Time_Sequences"],
  [/no more sequences left/, "fill the file with new sequences, one a line"],
  [/can't be resolved/, "write its address in place of the name"],
];

/** What to do about it; undefined when the message says it. */
function hint(text: string): string | undefined {
  const unknown = /: (\[options\] know|a door knows) no "(.*?)" \(/.exec(text);
  if (unknown === null) return HINTS.find(([pattern]) => pattern.test(text))?.[1];
  const isGlobal = unknown[1] === "[options] know";
  const name = directiveName(unknown[2]!);
  const [here, there] = isGlobal ? [optionDirectives, doorDirectives] : [doorDirectives, optionDirectives];
  if (name in there) return isGlobal ? "it belongs to a door" : "it belongs into [options]";
  const likely = [...Object.keys(here), "timeout", "command", "command_6"]
    .map((one) => ({ one, steps: distance(one, unknown[2]!.toLowerCase()) }))
    .sort((a, b) => a.steps - b.steps)[0]!;
  return likely.steps <= 2 ? `is ${likely.one} meant?` : "man knockd.conf lists the directives";
}

/** How many letters are to be put in, left out or changed (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
