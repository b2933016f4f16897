// knockctl check: finds faults in a config before they cause trouble. It starts nothing.

import { createInterface } from "node:readline/promises";
import type { Command } from "@commander-js/extra-typings";
import { CommanderError } from "commander";
import { configOf, readDefaults } from "../../lint/defaults-file.ts";
import type { Finding, Lint } from "../../lint/finding.ts";
import type { Fix } from "../../lint/fix.ts";
import type { Host } from "../../lint/lint.ts";
import { systemErrorText } from "../../platform/system-error.ts";
import { paragraph } from "../../terminal/paragraph.ts";
import { plural } from "../../terminal/plural.ts";
import { printableJson } from "../../terminal/printable.ts";
import { clean, paint } from "../../terminal/style.ts";
import { type Help, withHelp } from "../help.ts";
import { complain } from "../request.ts";

const [WARNINGS, ERRORS, USAGE_IS_WRONG] = [1, 2, 3];
const JSON_VERSION = 1;
const DEFAULTS = "/etc/default/knockd";

/** One for each lint: the compiler reports a missing one. */
const FINDINGS: Record<Lint, string> = {
  config: "knockd itself warns about this",
  "weak-sequence": "the sequence is easy to find",
  "sequence-begins-another": "knocking at one door opens another on the way",
  "port-in-use": "a program listens at the port of a knock",
  "ephemeral-port": "replies to this host could count as knocks",
  "same-sequence": "one sequence opens two doors",
  "same-port": "three or more knocks have the same port",
  clients: "two clients, or a client and a sequence or program, share a secret or a port",
  clock: "the clock is not synchronised, and codes depend on the time",
  "no-program": "the program of a command is missing or not executable",
  "no-command": "the door opens nothing",
  "iptables-for-ipv6": "iptables refuses the address of an IPv6 client",
  "ip6tables-for-ipv4": "ip6tables refuses the address of an IPv4 client",
  tcpflags: "no client sends packets with these flags",
  "given-twice": "a later line of the section replaces this one",
  "cmd-timeout": "Cmd_Timeout without a Stop_Command",
  sleep: "Command_Timeout kills a command that sleeps",
  interface: "no interface can have this name (an error)",
  sandbox: "knockd.service does not let a command or knockd do this",
  "readable-by-all": "other users can read or write the config",
  "unsafe-path": "other users can write or replace a file of knockd",
  "start-knockd": `${DEFAULTS} does not do what it seems to`,
  guard: "a port of a door with open is open to all, or closed without knockd",
  "own-firewall": "the host's firewall also refuses the port of a door, or accepts it from everyone (needs root)",
  "same-open": "two doors open one port for different times",
  "firewall-mark": "another program uses the bit of `Firewall = mark`",
  "gate-allow": "Gate_Allow lets everyone in",
};

const HELP: Help = {
  summary: "Find faults in a config",
  about: `
check starts nothing and asks no daemon. Without FILE it reads the config of the installed knockd:
the file after -c in KNOCKD_OPTS (${DEFAULTS}), or /etc/knockd.conf. With an error, knockd
does not start.

check reports only what is certain. It cannot see into scripts or into commands that only a shell can
read. It never shows the ports of a sequence, except in a line that knockd refuses.

--fix corrects what is certain: file modes and START_KNOCKD. It shows each change and asks first.
With --yes it does not ask.`,
  lists: {
    "Findings by their names in --json": Object.entries(FINDINGS),
  },
  examples: ["sudo knockctl check", "knockctl check --json ./knockd.conf"],
  statuses: [
    [0, "nothing was found; with --fix: nothing remains"],
    [1, "warnings"],
    [2, "errors"],
    [3, "wrong command line"],
  ],
};

interface Options {
  readonly json?: true;
  readonly fix?: true;
  readonly yes?: true;
}

export function check(program: Command): void {
  withHelp(program.command("check"), HELP)
    .argument("[file]", "config file (default: the one of the installed knockd)")
    .option("--fix", "correct what is certain, after asking")
    .option("--yes", "with --fix: do not ask")
    .option("--json", "print one JSON object per line")
    .exitOverride((error) => {
      throw error.exitCode === 0 ? error : new CommanderError(USAGE_IS_WRONG!, error.code, error.message);
    })
    .action(async (given: string | undefined, options: Options) => {
      const { lint } = await import("../../lint/lint.ts");
      const file = given ?? configOf(readDefaults(DEFAULTS));
      const host = await thisHost(file);
      let findings = await lint(file, host);
      if (options.fix && (await correct(findings, options)) > 0) findings = await lint(file, await thisHost(file));
      const errors = findings.filter(({ severity }) => severity === "error").length;
      const warnings = findings.length - errors;
      if (options.json) {
        const said = [...findings.map(jsonOf), { type: "end", file, errors, warnings }];
        process.stdout.write(
          said.map((one) => `${printableJson(JSON.stringify({ version: JSON_VERSION, ...one }))}\n`).join(""),
        );
      } else process.stdout.write(report(file, findings, options.fix ?? false));
      process.exitCode = errors > 0 ? ERRORS! : warnings > 0 ? WARNINGS! : 0;
    });
}

/** The addon is loaded only when check runs. */
async function thisHost(config: string): Promise<Host> {
  const { ephemeralPorts, listeningPorts } = await import("../../platform/local-ports.ts");
  const { interfacesNow } = await import("../../platform/network-interfaces.ts");
  const { guardsHere } = await import("../../setup/guards.ts");
  const { firewallTools } = await import("../../setup/firewall-tools.ts");
  const { look } = await import("../../setup/plan.ts");
  const { isClockSet } = await import("../../platform/clock-set.ts");
  return {
    interfaces: interfacesNow(false),
    guards: await guardsHere(config),
    firewall: (asked) => (process.getuid?.() === 0 ? firewallTools(asked, look) : undefined),
    isClockSet,
    ports: { listening: listeningPorts(), ephemeral: ephemeralPorts() },
    defaults: readDefaults(DEFAULTS),
  };
}

/** Errors first. The counts are last. */
function report(file: string, findings: readonly Finding[], hasFixed: boolean): string {
  if (findings.length === 0) return `${clean(file)}: ${paint("good", "OK")}\n`;
  const errors = findings.filter(({ severity }) => severity === "error");
  const warnings = findings.filter(({ severity }) => severity === "warning");
  const fixes = findings.filter(({ fix }) => fix !== undefined).length;
  const offer = fixes > 0 && !hasFixed ? `knockctl check --fix corrects ${fixes} of these.\n` : "";
  const count = `${plural(errors.length, "error")}, ${plural(warnings.length, "warning")}`;
  return `${[...errors, ...warnings].map(findingText).join("\n")}\n${offer}${count}\n`;
}

/** The place, what is wrong, the line itself, and what to do. */
function findingText({ severity, file, line, what, quote, hint }: Finding): string {
  const place = clean(line === undefined ? file : `${file}:${line}`);
  const label = paint(severity === "error" ? "bad" : "warn", severity);
  const quoted = quote === undefined ? "" : `    ${clean(quote)}\n`;
  const advice = hint === undefined ? "" : `${paint("soft", paragraph(clean(hint), { first: 2 }).trimEnd())}\n`;
  return `${paragraph(`${place}: ${label}: ${clean(what)}`, { rest: 2 })}${quoted}${advice}`;
}

function jsonOf({ severity, lint, file, line, text, hint, fix }: Finding): object {
  return { type: "finding", severity, lint, file, line, text, hint, fixable: fix !== undefined };
}

/** Returns the number of corrections made. */
async function correct(findings: readonly Finding[], { yes, json }: Options): Promise<number> {
  let corrected = 0;
  for (const { fix } of findings) {
    if (fix === undefined) continue;
    // With --json, standard output belongs to the program that reads it.
    (json ? process.stderr : process.stdout).write(difference(fix));
    if (!yes && !(await agrees())) continue;
    try {
      fix.apply();
      corrected++;
    } catch (error) {
      complain(`${fix.file}: ${systemErrorText(error)}`);
    }
  }
  return corrected;
}

function difference({ file, before, after }: Fix): string {
  return `${clean(file)}\n${paint("bad", clean(`-${before}`))}\n${paint("good", clean(`+${after}`))}\n`;
}

async function agrees(): Promise<boolean> {
  if (!process.stdin.isTTY) {
    complain("nothing is corrected: there is no terminal for the question. Use --yes");
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^\s*y(es)?\s*$/i.test(await terminal.question("Apply this change? [y/N] "));
  } finally {
    terminal.close();
  }
}
