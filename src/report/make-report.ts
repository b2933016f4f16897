// Makes the report. knockctl loads this file only for `knockctl report`. Everything that it imports is in the package
// knockd-report.

import { uptime } from "node:os";
import { printableJson } from "../terminal/printable.ts";
import { Progress, type Terminal } from "../terminal/progress.ts";
import { GeoIp } from "./count/geoip.ts";
import { Services } from "./count/port-names.ts";
import { Tally } from "./count/tally.ts";
import { NoReport, type ReportOptions } from "./options.ts";
import { Reading } from "./read/log-reader.ts";
import {
  file,
  hasJournal,
  JOURNAL,
  journal,
  type Log,
  packedOtherwise,
  standardInput,
  syslogs,
} from "./read/log-sources.ts";
import { csv } from "./render/csv.ts";
import { page } from "./render/html/page.ts";
import { markdown } from "./render/markdown.ts";
import { EVERY, LONG, SHORT } from "./render/sections.ts";
import { table } from "./render/table.ts";
import type { Report } from "./report.ts";

const SYSLOG_FOLDER = "/var/log";

/** Returns the text. Throws an Error if a log cannot be read. */
export async function make(wanted: ReportOptions, terminal: Terminal, now: number): Promise<string> {
  const logs = chosen(wanted, now);
  const [geoIp, services] = [new GeoIp(wanted.geo), new Services()];
  const tally = new Tally(geoIp, services);
  // The size of the journal or of a pipe is unknown. Then the progress shows no percentage.
  const total = logs.every(({ size }) => size > 0) ? logs.reduce((sum, { size }) => sum + size, 0) : 0;
  const progress = new Progress(terminal);
  const boot = now / 1000 - uptime();
  const readingOf = (into: Tally) =>
    new Reading(into, wanted, boot, (bytes, lines) => {
      if (progress.isDue) progress.draw(total > 0 ? bytes / total : undefined, `${lines} lines`);
    });
  const reading = readingOf(tally);
  const everything = readingOf(new Tally(geoIp, services));
  try {
    for (const log of logs) await reading.read(log);
    // So far only the kernel's and knockd's lines were read from the journal. If there is no packet, another program
    // may log them.
    if (isOfJournal(logs) && reading.attempts === 0 && !reading.leftOut.mayBePackets)
      await everything.read(journal(wanted.since, wanted.until, now, undefined));
  } finally {
    progress.clear();
  }
  const others = everything.leftOut.notes([]);
  const notes = [...reading.notes, ...unread(wanted), ...others, ...(others.length > 0 ? [] : unseen(logs, reading))];
  const { lines, leftOut, rejected } = reading;
  return shown(tally.report(Math.floor(now / 1000), notes, { lines, rows: leftOut.rows, rejected }), wanted);
}

const isOfJournal = (logs: readonly Log[]): boolean => logs.some(({ name }) => name === JOURNAL);

function chosen({ logs, from, since, until, tags }: ReportOptions, now: number): Log[] {
  if (logs.length > 0) return logs.map((path) => (path === "-" ? standardInput(now) : file(path)));
  if (from === "journal" || (from === "auto" && hasJournal())) return [journal(since, until, now, tags)];
  const files = syslogs(SYSLOG_FOLDER, since ?? Number.NEGATIVE_INFINITY);
  if (files.length === 0)
    throw new NoReport(`no kern.log, syslog or messages in ${SYSLOG_FOLDER}: name a file, or - for standard input`);
  return files;
}

/** The logs of this machine that cannot be read. */
function unread({ logs, from, since }: ReportOptions): string[] {
  if (logs.length > 0 || from === "journal" || (from === "auto" && hasJournal())) return [];
  const paths = packedOtherwise(SYSLOG_FOLDER, since ?? Number.NEGATIVE_INFINITY);
  if (paths.length === 0) return [];
  return [
    `Not read, because they are not packed with gzip: ${paths.join(", ")}. Unpack them, or use a pipe, as in xzcat FILE | knockctl report -.`,
  ];
}

/** Why nothing may have been found. journalctl does not mention lines that this user may not read. */
function unseen(logs: readonly Log[], { lines, attempts, leftOut }: Reading): string[] {
  if (attempts > 0) return [];
  if (leftOut.mayBePackets) return ["No attempt was counted. The list of lines read shows why."];
  const isSecret = lines === 0 && process.getuid?.() !== 0 && isOfJournal(logs);
  return isSecret
    ? ["Only root (sudo knockctl report) and members of the group systemd-journal can read the journal."]
    : ["No line comes from a Linux firewall rule that logs packets. man knockctl shows how to add one."];
}

/** Indented for people. Control characters are escaped, so that it is harmless for a terminal. */
export function json(report: Report): string {
  return `${JSON.stringify(report, undefined, 1).split("\n").map(printableJson).join("\n")}\n`;
}

function shown(report: Report, { format, all }: Pick<ReportOptions, "format" | "all">): string {
  switch (format) {
    case "table":
      return table(report, all ? EVERY : SHORT);
    case "markdown":
      return markdown(report, all ? EVERY : LONG);
    case "csv":
      return csv(report);
    case "json":
      return json(report);
    case "html":
      return page(report);
  }
}
