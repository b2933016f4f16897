// What a lint finds, and how it is said: as the daemon says what is wrong with a line, and a hint what to do about it.

import { type Config, complain, type Door, type FileOptions } from "../config/door.ts";
import type { Fix } from "./fix.ts";

/** The lints, by the names that scripts know. */
export type Lint =
  | "config"
  | "weak-sequence"
  | "sequence-begins-another"
  | "same-sequence"
  | "same-port"
  | "port-in-use"
  | "ephemeral-port"
  | "no-program"
  | "iptables-for-ipv6"
  | "ip6tables-for-ipv4"
  | "tcpflags"
  | "given-twice"
  | "no-command"
  | "cmd-timeout"
  | "sleep"
  | "interface"
  | "sandbox"
  | "readable-by-all"
  | "unsafe-path"
  | "start-knockd"
  | "guard"
  | "own-firewall"
  | "same-open"
  | "firewall-mark"
  | "gate-allow";

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

export interface About {
  readonly config: Config;
  /** Whose directive it is. */
  readonly of: Door | FileOptions;
  readonly directive: string;
}

/** A warning about one line. A sequence is not told: what is found goes into mails and issues. */
export function warning({ config, of, directive }: About, lint: Lint, why: string, hint: string): Finding {
  const lines = config.lines.get(of)!;
  const line = lines.get(directive) ?? lines.get("one_time_sequences")!;
  const name = "name" in of ? of.name : "options";
  return {
    severity: "warning",
    lint,
    file: config.file,
    line: line.number,
    text: complain(config.file, directive === "sequence" ? { ...line, text: `[${name}]` } : line, `${name}: ${why}`),
    hint,
  };
}

/** One about a line: `FILE:LINE: what is wrong`, and what to do. A sequence is not told here, either. */
export function atLine(
  { config, of, directive }: About,
  lint: Lint,
  what: string,
  hint: string,
  severity: Finding["severity"] = "warning",
): Finding {
  const lines = config.lines.get(of)!;
  const { number } = lines.get(directive) ?? lines.get("one_time_sequences")!;
  const name = "name" in of ? of.name : "options";
  const text = `${config.file}:${number}: [${name}] ${what}`;
  return { severity, lint, file: config.file, line: number, text, hint };
}
