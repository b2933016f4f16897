// knockctl report: who was at the door?

import { type Command, InvalidArgumentError, Option } from "commander";
import { systemErrorText } from "../../platform/system-error.ts";
import { writeOutput } from "../../platform/write-output.ts";
import { FORMATS, NoReport, type ReportOptions, SOURCES } from "../../report/options.ts";
import { plain } from "../../report/plain.ts";
import { FORMS, when } from "../../report/time-argument.ts";

const FAILED = 1;
const NOT_INSTALLED = 3;

const HELP = `
Reads what the kernel has logged of rejected packets (iptables' LOG, nftables' log)
and what knockd has logged of knocks, and counts it: ports, countries, networks,
sources, hours, days, ports tried together, knocks by door. A packet that asks for
something is an attempt; answers and late segments of a connection are not, and
neither is what goes to everybody in the network. The report lists all lines that
were read: the attempts, and how many were left out for which reason.

The prefix of a rule says what became of its packets. ACCEPT, ALLOW and the like were
let in and do not count, nor does what ufw calls AUDIT and LIMIT; a prefix that says
neither counts, and the report names it. With --prefix only the prefixes that contain
this text count, whatever they say.

Without FILE it reads the journal; where there is none, kern.log and syslog in
/var/log, or messages, with those that logrotate has put aside. FILE is the log of any
syslogd, busybox's and OpenWrt's logread included, or knockd's LogFile, or what dmesg -T
or journalctl prints (-o short, short-iso, short-full, short-unix, json or export); what
ends in .gz is unpacked, and - is standard input. Years that a log leaves out are taken
from when it was last written.

Only the kernel's own lines are believed: anybody may log a line that looks like them.
The report names programs whose lines look like packets. If one logs for your firewall,
as ulogd does, add --tag with its name (--tag - for lines without one).

--since and --until take:
${FORMS}.

Exit status:
  0  the report is made; what could not be read or counted of the logs is said in it
  1  a log, a database or the output could not be opened: the line on standard
     error says which
  2  the command line is wrong
  3  the package knockd-report, which makes the report, is not installed
`;

interface Options {
  readonly since?: number;
  readonly until?: number;
  readonly from: ReportOptions["from"];
  readonly format: ReportOptions["format"];
  readonly json?: true;
  readonly output?: string;
  readonly prefix?: readonly string[];
  readonly notPrefix?: readonly string[];
  readonly tag?: readonly string[];
  readonly geo?: readonly string[];
}

export function report(program: Command): void {
  const now = Date.now();
  const moment = (text: string): number => {
    const at = when(text, now);
    if (at === undefined) throw new InvalidArgumentError(`It is none of: ${FORMS}.`);
    return at;
  };
  program
    .command("report")
    .summary("who was at the door, by the firewall's log?")
    .argument("[file...]", "logs, or - for standard input")
    .option("--since <time>", "what was then and later", moment)
    .option("--until <time>", "what was before then", moment)
    .addOption(new Option("--from <logs>", "what to read without FILE").choices(SOURCES).default("auto"))
    .option("--prefix <text>", "count only what a rule with this in its prefix logged (may be repeated)", collect)
    .option("--not-prefix <text>", "do not count that (may be repeated)", collect)
    .option("--tag <program>", "a program that logs packets, as the kernel does (may be repeated)", collect)
    .addOption(new Option("--format <format>", "what to make").choices(FORMATS).default("table"))
    .option("--json", "the same as --format json")
    .option("-o, --output <file>", "write it there, and not to standard output")
    .option("--geo <file>", "a .mmdb database of countries, cities or networks (may be repeated)", collect)
    .addHelpText("after", HELP)
    .action(async (logs: string[], { json, output, ...options }: Options) => {
      const { since, until, geo = [], prefix: prefixes = [], notPrefix: notPrefixes = [], tag: tags = [] } = options;
      const { from } = options;
      const format = json ? "json" : options.format;
      const wanted: ReportOptions = { logs, from, since, until, prefixes, notPrefixes, tags, format, geo };
      try {
        // Loaded now and only now: neither knockd nor another command grows by what it takes.
        const { make } = await import("../../report/make-report.ts");
        const text = await make(wanted, process.stderr, now);
        if (output === undefined) process.stdout.write(text);
        else writeOutput(output, text);
      } catch (error) {
        const [line, status] = trouble(error);
        process.stderr.write(`knockctl: ${plain(line)}\n`);
        process.exitCode = status;
      }
    });
}

const collect = (file: string, files: readonly string[] = []): string[] => [...files, file];

/** What is not foreseen is thrown on. */
function trouble(error: unknown): [line: string, status: number] {
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") {
    return [
      "report needs the package knockd-report, which is built with knockd: sudo apt install ./knockd-report_*_all.deb",
      NOT_INSTALLED,
    ];
  }
  if (error instanceof NoReport) return [error.message, FAILED];
  if (syscall === undefined) throw error;
  return [`${path ?? syscall}: ${systemErrorText(error)}`, FAILED];
}
