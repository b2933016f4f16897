// knockctl report: shows what the firewall rejected, from its log.

import { type Command, InvalidArgumentError, Option } from "commander";
import { systemErrorText } from "../../platform/system-error.ts";
import { writeOutput } from "../../platform/write-output.ts";
import { FORMATS, NoReport, type ReportOptions, SOURCES } from "../../report/options.ts";
import { FORMS, parseTime } from "../../report/time-argument.ts";
import { printable } from "../../terminal/printable.ts";
import { type Help, withHelp } from "../help.ts";

const FAILED = 1;
const NOT_INSTALLED = 3;

const HELP: Help = {
  summary: "Show what the firewall rejected: ports, countries, sources",
  about: `
Reads the packets that firewall rules have logged (LOG of iptables, log of nftables) and the knocks
that knockd has logged. It counts attempts by port, country, network, source, day and hour, the ports
that sources tried together, and knocks by door.

An attempt is a packet that asks for something. Replies, late segments of a connection and broadcasts
do not count. The report lists every line that it read: the attempts, and how many lines it left out
for which reason.

The prefix of a rule says what happened to its packets. Packets with ACCEPT, ALLOW and the like were
let in and do not count, nor do AUDIT and LIMIT of ufw. Packets whose prefix says nothing count, and
the report names the prefix. With --prefix, only packets with that text in their prefix count.

Without FILE it reads the journal. On a system without one it reads kern.log and syslog, or messages,
in /var/log, with the rotated ones. FILE can be the log of any syslogd (busybox and OpenWrt, too),
knockd's LogFile, or the output of dmesg -T or journalctl (-o short, short-iso, short-full,
short-unix, json or export), packed with gzip or not; - is standard input. If a log has no year,
knockctl takes it from the time when the file was last written.

Only the kernel's own lines count, because anyone can log lines that look alike. The report names
programs that do. If such a program logs for your firewall, as ulogd does, add --tag with its name
(--tag - for lines without a name).

--since and --until take: ${FORMS}.`,
  groups: {
    "What to read": ["--since", "--until", "--from", "--prefix", "--not-prefix", "--tag", "--geo"],
    "What to print": ["--format", "--all", "--output"],
  },
  examples: ["sudo knockctl report --since '7 days ago'", "sudo knockctl report --format html -o report.html"],
  statuses: [
    [0, "the report is made; it says itself what it could not read or count"],
    [1, "a log, a database or the output could not be opened; standard error says which"],
    [2, "the command line is wrong"],
    [3, "the package knockd-report is not installed"],
  ],
};

interface Options {
  readonly since?: number;
  readonly until?: number;
  readonly from: ReportOptions["from"];
  readonly format: ReportOptions["format"];
  readonly all?: true;
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
    const at = parseTime(text, now);
    if (at === undefined) throw new InvalidArgumentError(`Write one of: ${FORMS}.`);
    return at;
  };
  withHelp(program.command("report"), HELP)
    .argument("[file...]", "log files, or - for standard input")
    .option("--since <time>", "only from this time on", moment)
    .option("--until <time>", "only before this time", moment)
    .addOption(new Option("--from <logs>", "which logs to read without FILE").choices(SOURCES).default("auto"))
    .option("--prefix <text>", "count only rules with this text in their prefix (repeatable)", collect)
    .option("--not-prefix <text>", "do not count rules with this text in their prefix (repeatable)", collect)
    .option("--tag <program>", "also count packets that this program logs (repeatable)", collect)
    .addOption(new Option("--format <format>", "output format").choices(FORMATS).default("table"))
    .option("--all", "show every row of each table (table and markdown)")
    .option("--json", "same as --format json")
    .option("-o, --output <file>", "write to this file instead of standard output")
    .option("--geo <file>", ".mmdb database of countries, cities or networks (repeatable)", collect)
    .action(async (logs: string[], { json, output, all, ...options }: Options) => {
      const { since, until, geo = [], prefix: prefixes = [], notPrefix: notPrefixes = [], tag: tags = [] } = options;
      const { from } = options;
      const format = json ? "json" : options.format;
      const wanted: ReportOptions = {
        logs,
        from,
        since,
        until,
        prefixes,
        notPrefixes,
        tags,
        format,
        all: all ?? false,
        geo,
      };
      try {
        // Loaded only here, so that no other command needs its memory.
        const { make } = await import("../../report/make-report.ts");
        const text = await make(wanted, process.stderr, now);
        if (output === undefined) process.stdout.write(text);
        else writeOutput(output, text);
      } catch (error) {
        const [line, status] = trouble(error);
        process.stderr.write(`knockctl: ${printable(line)}\n`);
        process.exitCode = status;
      }
    });
}

const collect = (file: string, files: readonly string[] = []): string[] => [...files, file];

/** Throws all other errors again. */
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
