// knockctl check: what is wrong with a config, or will be, without starting anything.

import { createInterface } from "node:readline/promises";
import { type Command, CommanderError } from "commander";
import { configOf, readDefaults } from "../../lint/defaults-file.ts";
import type { Finding } from "../../lint/finding.ts";
import type { Fix } from "../../lint/fix.ts";
import type { Host } from "../../lint/lint.ts";
import { systemErrorText } from "../../platform/system-error.ts";
import { printableJson } from "../../terminal/printable.ts";
import { clean, paint } from "../../terminal/style.ts";
import { complain } from "../request.ts";

const [WARNINGS, ERRORS, USAGE_IS_WRONG] = [1, 2, 3];
const JSON_VERSION = 1;
const DEFAULTS = "/etc/default/knockd";

const HELP = `
Nothing is started, and no knockd is asked. Without FILE it is the config of the
installed knockd: the one behind -c in KNOCKD_OPTS (${DEFAULTS}), or else
/etc/knockd.conf. An error is what knockd refuses the config for; the warnings,
by the names that --json has for them:

  config                   what knockd itself warns of
  weak-sequence            a scan finds it, or the manuals print it
  sequence-begins-another  who knocks at one door opens another on his way
  port-in-use              somebody listens there
  ephemeral-port           connections of this host may have that port
  same-sequence            one sequence opens two doors
  same-port                one port is knocked at three times or more
  no-program               a command's program is not there, or not executable
  no-command               a door has no command
  iptables-for-ipv6        iptables for IPv6 clients, and
  ip6tables-for-ipv4       ip6tables for IPv4 clients: they refuse the address
  tcpflags                 no client sends packets with these flags
  given-twice              a later line of the section overrules this one
  cmd-timeout              Cmd_Timeout without a Stop_Command
  sleep                    a command sleeps until Command_Timeout ends it
  interface                no interface can have this name (an error)
  sandbox                  knockd.service, or a drop-in of it, refuses a command,
                           or that knockd writes a file
  readable-by-all          others can read the config, or write it
  unsafe-path              other users can write or replace a file of knockd's
  start-knockd             what ${DEFAULTS} says is not what happens
  guard                    a unit of knockctl init is to close a port that is open,
                           or closes it at a boot without knockd
  own-firewall             the firewall of this host also refuses a port that a door
                           opens, or accepts it from everybody (root only)
  same-open                two doors open one port for different times
  firewall-mark            another program uses the bit of \`Firewall = mark\`
  gate-allow               Gate_Allow lets everybody in

What is said of a command is certain, and not all that there is: of what only a
shell can read, nothing is said. No port is told, but in a line that knockd refuses.

--fix mends what can be mended with certainty, which is modes of files and
START_KNOCKD. It shows the difference first, and asks; with --yes it does not ask.

Exit status, with --fix of what is left:
  0  nothing was found
  1  warnings
  2  errors
  3  the command line is wrong
`;

interface Options {
  readonly json?: true;
  readonly fix?: true;
  readonly yes?: true;
}

export function check(program: Command): void {
  program
    .command("check")
    .summary("what is wrong with a config, or will be?")
    .argument("[file]", "the config")
    .option("--fix", "mend what can be mended with certainty")
    .option("--yes", "with --fix: do not ask")
    .option("--json", "print a JSON object a line")
    .addHelpText("after", HELP)
    .exitOverride((error) => {
      throw error.exitCode === 0 ? error : new CommanderError(USAGE_IS_WRONG!, error.code, error.message);
    })
    .action(async (given: string | undefined, options: Options) => {
      const { lint } = await import("../../lint/lint.ts");
      const host = await thisHost();
      const file = given ?? configOf(host.defaults);
      let findings = await lint(file, host);
      if (options.fix && (await mend(findings, options)) > 0) findings = await lint(file, await thisHost());
      const errors = findings.filter(({ severity }) => severity === "error").length;
      const warnings = findings.length - errors;
      if (options.json) {
        const said = [...findings.map(jsonOf), { type: "end", file, errors, warnings }];
        process.stdout.write(
          said.map((one) => `${printableJson(JSON.stringify({ version: JSON_VERSION, ...one }))}\n`).join(""),
        );
      } else {
        process.stdout.write(findings.map(words).join(""));
        if (findings.length === 0) process.stdout.write(`${clean(file)}: ${paint("good", "nothing to complain of")}\n`);
        else if (!options.fix && findings.some(({ fix }) => fix)) {
          process.stdout.write("knockctl check --fix mends what is marked with *\n");
        }
      }
      process.exitCode = errors > 0 ? ERRORS! : warnings > 0 ? WARNINGS! : 0;
    });
}

/** The addon is only for who asks, here. */
async function thisHost(): Promise<Host> {
  const { ephemeralPorts, listeningPorts } = await import("../../platform/local-ports.ts");
  const { interfacesNow } = await import("../../platform/network-interfaces.ts");
  const { guardsHere } = await import("../../setup/guards.ts");
  const { firewallTools } = await import("../../setup/firewall-tools.ts");
  const { look } = await import("../../setup/plan.ts");
  return {
    interfaces: interfacesNow(false),
    guards: guardsHere(),
    firewall: (asked) => (process.getuid?.() === 0 ? firewallTools(asked, look) : undefined),
    ports: { listening: listeningPorts(), ephemeral: ephemeralPorts() },
    defaults: readDefaults(DEFAULTS),
  };
}

function words({ severity, text, hint, fix }: Finding): string {
  const mark = fix === undefined ? "" : " *";
  const what = paint(severity === "error" ? "bad" : "warn", severity);
  return `${what}${mark}: ${clean(text)}\n${hint === undefined ? "" : paint("soft", `    ${clean(hint)}\n`)}`;
}

function jsonOf({ severity, lint, file, line, text, hint, fix }: Finding): object {
  return { type: "finding", severity, lint, file, line, text, hint, fixable: fix !== undefined };
}

/** Returns how many it has mended. */
async function mend(findings: readonly Finding[], { yes, json }: Options): Promise<number> {
  let mended = 0;
  for (const { fix } of findings) {
    if (fix === undefined) continue;
    // Standard output is for what is left, when a program reads it.
    (json ? process.stderr : process.stdout).write(difference(fix));
    if (!yes && !(await agrees())) continue;
    try {
      fix.apply();
      mended++;
    } catch (error) {
      complain(`${fix.file}: ${systemErrorText(error)}`);
    }
  }
  return mended;
}

function difference({ file, before, after }: Fix): string {
  return `${clean(file)}\n${paint("bad", clean(`-${before}`))}\n${paint("good", clean(`+${after}`))}\n`;
}

async function agrees(): Promise<boolean> {
  if (!process.stdin.isTTY) {
    complain("not mended: there is nobody to ask, and no --yes");
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^\s*y(es)?\s*$/i.test(await terminal.question("Mend that? [y/N] "));
  } finally {
    terminal.close();
  }
}
