// /etc/default/knockd, in which people look for what has been elsewhere since systemd came.

import * as fs from "node:fs";
import type { Finding } from "./finding.ts";
import { lineFix } from "./fix.ts";

export interface Defaults {
  readonly file: string;
  readonly lines: readonly string[];
  /** KNOCKD_OPTS, in words. */
  readonly options: readonly string[];
}

/** How this system starts knockd. */
export interface Init {
  readonly isSystemd: boolean;
  /** The unit is started at boot. */
  readonly isEnabled: boolean;
}

const START = /^\s*START_KNOCKD\s*=\s*(["']?)(.*?)\1\s*(?:#.*)?$/;
const SAYS_YES = /^(yes|true|on|y)$/i;

export function readDefaults(file: string): Defaults {
  let text = "";
  try {
    text = fs.readFileSync(file, "utf8");
  } catch {} // it need not be there
  const lines = text.split("\n");
  const options = lines.flatMap((line) => /^\s*KNOCKD_OPTS=(["']?)(.*?)\1\s*(?:#.*)?$/.exec(line)?.[2] ?? []).at(-1);
  return { file, lines, options: (options ?? "").split(/\s+/).filter((word) => word !== "") };
}

/** What knockd is started with: the file behind -c. */
export function configOf({ options }: Defaults): string {
  for (const [i, word] of options.entries()) {
    if (word === "-c" || word === "--config") return options[i + 1] ?? "";
    const joined = /^(?:-c|--config=)(.+)$/.exec(word)?.[1];
    if (joined !== undefined) return joined;
  }
  return "/etc/knockd.conf";
}

/** -i beats the config's Interface. */
export function hasInterface({ options }: Defaults): boolean {
  return options.some((word) => /^(-i.*|--interface(=.*)?)$/.test(word));
}

export function isOnlyIpv4({ options }: Defaults): boolean {
  return options.some((word) => word === "-4" || word === "--only-ip-v4");
}

export function initOf(root = ""): Init {
  const isThere = (path: string) => fs.lstatSync(`${root}${path}`, { throwIfNoEntry: false }) !== undefined;
  return {
    isSystemd: isThere("/run/systemd/system"),
    isEnabled: isThere("/etc/systemd/system/multi-user.target.wants/knockd.service"),
  };
}

export function lintDefaults({ file, lines, options }: Defaults, init: Init): Finding[] {
  const finding = (number: number, why: string, hint: string, after?: string): Finding => {
    const before = lines[number - 1]!;
    return {
      severity: "warning",
      lint: "start-knockd",
      file,
      line: number,
      text: `${file}: line ${number}: ${why} (${before.trim()})`,
      hint,
      ...(after === undefined ? {} : { fix: lineFix(file, number, before, after) }),
    };
  };
  const findings = lines.flatMap((line, i) => {
    const value = START.exec(line)?.[2];
    if (value === undefined) return [];
    const on = line.replace(/START_KNOCKD.*$/, "START_KNOCKD=1");
    const number = i + 1;
    if (value === "0") return []; // as the package has it: nobody has said anything
    if (/START_KNOCKD(\s+=|=\s)/.test(line) && /^(1|yes|true|on|y)$/i.test(value))
      return [finding(number, "blanks around = are an error of the shell's, which reads it", on, on)];
    if (SAYS_YES.test(value)) return [finding(number, "only 1 starts knockd, by sysvinit's script", on, on)];
    if (value !== "1" && init.isSystemd && init.isEnabled)
      return [
        finding(
          number,
          "that keeps nobody from starting: systemd does not read it, and knockd is enabled",
          `to keep it from starting: systemctl disable --now knockd; otherwise ${on}`,
          on,
        ),
      ];
    if (value === "1" && init.isSystemd && !init.isEnabled)
      return [
        finding(
          number,
          "that starts nothing: systemd does not read it, and knockd is not enabled",
          "systemctl enable --now knockd",
        ),
      ];
    if (value !== "1" && !init.isSystemd) return [finding(number, "knockd is not started at boot", on)];
    return [];
  });
  const opts = lines.findIndex((line) => /^\s*KNOCKD_OPTS=/.test(line));
  if (init.isSystemd && options.some((word) => word === "-d" || word === "--daemon"))
    findings.push(
      finding(
        opts + 1,
        "with -d the process that systemd has started ends at once, and systemd takes knockd for ended",
        "leave -d out",
      ),
    );
  return findings;
}
