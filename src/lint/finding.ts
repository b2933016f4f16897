// What a lint finds, and how it is said: as the daemon says what is wrong with a line, and a hint what to do about it.

import { type Config, complain, type Door, type FileOptions, type Line } from "../config/door.ts";
import type { Fix } from "./fix.ts";

/** The lints, by the names that scripts know. */
export type Lint =
  | "config"
  | "weak-sequence"
  | "sequence-begins-another"
  | "port-in-use"
  | "ephemeral-port"
  | "no-program"
  | "iptables-for-ipv6"
  | "sandbox"
  | "readable-by-all"
  | "start-knockd";

export interface Finding {
  /** An error: knockd does not start. */
  readonly severity: "error" | "warning";
  readonly lint: Lint;
  readonly file: string;
  /** Undefined: of all of it. */
  readonly line: number | undefined;
  readonly text: string;
  readonly hint: string | undefined;
  /** Where it is certain. */
  readonly fix?: Fix;
}

/** About a directive of a door. Its ports are not told: what is found goes into mails and issues. */
export function aboutDoor(
  config: Config,
  door: Door,
  directive: string,
  lint: Lint,
  why: string,
  hint: string | undefined,
): Finding {
  const line = lineOf(config, door, directive);
  const text = directive === "sequence" ? `[${door.name}]` : line.text;
  return {
    severity: "warning",
    lint,
    file: config.file,
    line: line.number,
    text: complain(config.file, { ...line, text }, `${door.name}: ${why}`),
    hint,
  };
}

function lineOf(config: Config, of: Door | FileOptions, directive: string): Line {
  const lines = config.lines.get(of)!;
  return lines.get(directive) ?? lines.get("one_time_sequences")!;
}
