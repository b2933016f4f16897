// Checks /etc/default/knockd. Only sysvinit reads START_KNOCKD. With systemd the unit decides, which surprises people.

import * as fs from "node:fs";
import { atPlace, type Finding } from "./finding.ts";
import { lineFix } from "./fix.ts";

export interface Defaults {
  readonly file: string;
  readonly lines: readonly string[];
  /** The words of KNOCKD_OPTS. */
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

/** The config that knockd starts with: the file after -c. */
export function configOf({ options }: Defaults): string {
  for (const [i, word] of options.entries()) {
    if (word === "-c" || word === "--config") return options[i + 1] ?? "";
    const joined = /^(?:-c|--config=)(.+)$/.exec(word)?.[1];
    if (joined !== undefined) return joined;
  }
  return "/etc/knockd.conf";
}

/** Option -i overrides the config's Interface. */
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
  const finding = (number: number, what: string, hint: string, after?: string): Finding => {
    const before = lines[number - 1]!;
    return {
      ...atPlace({ lint: "start-knockd", file, line: number, what, hint }),
      quote: before.trim(),
      ...(after === undefined ? {} : { fix: lineFix(file, number, before, after) }),
    };
  };
  const findings = lines.flatMap((line, i) => {
    const value = START.exec(line)?.[2];
    if (value === undefined) return [];
    const on = line.replace(/START_KNOCKD.*$/, "START_KNOCKD=1");
    const write = `Write ${on.trim()}`;
    const number = i + 1;
    if (value === "0") return []; // the package's default: no user has set it
    if (/START_KNOCKD(\s+=|=\s)/.test(line) && /^(1|yes|true|on|y)$/i.test(value))
      return [finding(number, "the shell that reads this line allows no spaces around =", write, on)];
    if (SAYS_YES.test(value)) return [finding(number, "only the value 1 starts knockd", write, on)];
    if (value !== "1" && init.isSystemd && init.isEnabled)
      return [
        finding(
          number,
          "this does not keep knockd from starting: knockd is enabled in systemd, which ignores START_KNOCKD",
          `To keep it from starting, run: systemctl disable --now knockd. Otherwise, write ${on.trim()}`,
          on,
        ),
      ];
    if (value === "1" && init.isSystemd && !init.isEnabled)
      return [
        finding(
          number,
          "this does not start knockd: knockd is not enabled in systemd, which ignores START_KNOCKD",
          "Run: systemctl enable --now knockd",
        ),
      ];
    if (value !== "1" && !init.isSystemd) return [finding(number, "knockd does not start at boot", write)];
    return [];
  });
  const opts = lines.findIndex((line) => /^\s*KNOCKD_OPTS=/.test(line));
  if (init.isSystemd && options.some((word) => word === "-d" || word === "--daemon"))
    findings.push(
      finding(opts + 1, "with -d knockd goes to the background, and systemd thinks that it has ended", "Remove -d."),
    );
  return findings;
}
