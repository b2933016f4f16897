// One result of a lint: where, what is wrong and what to do.

import { type Config, type Door, type FileOptions, lineNumber } from "../config/door.ts";
import type { Fix } from "./fix.ts";

/** The names of the lints. Scripts rely on them. */
export type Lint =
  | "config"
  | "weak-sequence"
  | "sequence-begins-another"
  | "same-sequence"
  | "same-port"
  | "clients"
  | "clock"
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
  /** After an error, knockd does not start. */
  readonly severity: "error" | "warning";
  readonly lint: Lint;
  readonly file: string;
  /** Undefined: the whole file. */
  readonly line: number | undefined;
  /** Place and message on one line, for --json. */
  readonly text: string;
  /** The message without the place. */
  readonly what: string;
  /** The line itself, without any sequence: people paste findings into mails and issues. */
  readonly quote?: string;
  /** What to do. */
  readonly hint: string | undefined;
  /** Present only if the change is certain to be right. */
  readonly fix?: Fix;
}

export interface About {
  readonly config: Config;
  /** The section that contains the directive. */
  readonly of: Door | FileOptions;
  readonly directive: string;
  /** The default is a warning. */
  readonly severity?: Finding["severity"];
}

export const RESOLVE_HINT = "Write the address instead of the name.";

/** A finding about a line of the config. */
export function atLine(
  { config, of, directive, severity = "warning" }: About,
  lint: Lint,
  what: string,
  hint: string,
): Finding {
  const lines = config.lines.get(of)!;
  const line = lines.get(directive) ?? lines.get("one_time_sequences")!;
  const name = "name" in of ? of.name : "options";
  const place = { severity, lint, file: config.file, line: line.number, what: `[${name}] ${what}`, hint };
  return { ...atPlace(place), quote: quoteOf(line.text) };
}

interface Place extends Pick<Finding, "lint" | "file" | "what" | "hint"> {
  readonly severity?: Finding["severity"];
  readonly line?: number;
}

/** A finding about any file. */
export function atPlace({ severity = "warning", line, ...rest }: Place): Finding {
  const place = line === undefined ? rest.file : `${rest.file}:${line}`;
  return { ...rest, severity, line, text: `${place}: ${rest.what}` };
}

/** Makes a finding from a message of the daemon: `config: line 3: WHAT (FILE: LINE)`, or `FILE: WHAT`. */
export function ofDaemon(severity: Finding["severity"], file: string, message: string, hint?: string): Finding {
  const text = message.replace(/^error: /, ""); // the severity already says so
  const [what = "", quoted] = text.replace(/^config: (line \d+: )?/, "").split(` (${file}: `, 2);
  const quote = quoted === undefined || /^line \d+\)$/.test(quoted) ? {} : { quote: quoted.replace(/\)$/, "") };
  const place = { severity, lint: "config", file, line: lineNumber(message), text, hint } as const;
  return { ...place, what: what.startsWith(`${file}: `) ? what.slice(file.length + 2) : what, ...quote };
}

/** The line without the ports of a sequence, so that it may be shown. */
export function quoteOf(line: string): string {
  return line.replace(/^(sequence\s*=\s*).*$/i, "$1(hidden)");
}
