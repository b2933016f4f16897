// Makes the report: the one door to this folder, through which knockctl comes only when it is asked for a report. What is
// imported from here on is in the package knockd-report.

import { uptime } from "node:os";
import { Progress, type Terminal } from "../terminal/progress.ts";
import { Whereabouts } from "./count/geoip.ts";
import { Services } from "./count/port-names.ts";
import { Tally } from "./count/tally.ts";
import { json } from "./json.ts";
import { type Format, NoReport, type ReportOptions } from "./options.ts";
import { Reading } from "./read/log-reader.ts";
import { file, hasJournal, JOURNAL, journal, type Log, standardInput, syslogs } from "./read/log-sources.ts";
import { csv } from "./render/csv.ts";
import { page } from "./render/html/page.ts";
import { markdown } from "./render/markdown.ts";
import { table } from "./render/table.ts";
import type { Report } from "./report.ts";

const SYSLOG_FOLDER = "/var/log";

/** The text. Throws an Error for whatever can't be read. */
export async function make(wanted: ReportOptions, terminal: Terminal, now: number): Promise<string> {
  const logs = chosen(wanted, now);
  const [whereabouts, services] = [new Whereabouts(wanted.geo), new Services()];
  const tally = new Tally(whereabouts, services);
  // Of the journal and a pipe nobody knows the size: then no part of the whole is shown.
  const total = logs.every(({ size }) => size > 0) ? logs.reduce((sum, { size }) => sum + size, 0) : 0;
  const progress = new Progress(terminal);
  const boot = now / 1000 - uptime();
  const readingOf = (into: Tally) =>
    new Reading(into, wanted, boot, (bytes, lines) => {
      if (progress.isDue) progress.draw(total > 0 ? bytes / total : undefined, `${lines} lines`);
    });
  const reading = readingOf(tally);
  const everything = readingOf(new Tally(whereabouts, services));
  try {
    for (const log of logs) await reading.read(log);
    // Of the journal the kernel's lines were read, and knockd's; where no packet is among them, another program may log them.
    if (isOfJournal(logs) && reading.attempts === 0 && !reading.leftOut.mayBePackets)
      await everything.read(journal(wanted.since, wanted.until, now, undefined));
  } finally {
    progress.clear();
  }
  const others = everything.leftOut.notes([]);
  const notes = [...reading.notes, ...others, ...(others.length > 0 ? [] : unseen(logs, reading))];
  const { lines, leftOut } = reading;
  return shown(tally.report(Math.floor(now / 1000), notes, { lines, rows: leftOut.rows }), wanted.format);
}

const isOfJournal = (logs: readonly Log[]): boolean => logs.some(({ name }) => name === JOURNAL);

function chosen({ logs, from, since, until, tags }: ReportOptions, now: number): Log[] {
  if (logs.length > 0) return logs.map((path) => (path === "-" ? standardInput(now) : file(path)));
  if (from === "journal" || (from === "auto" && hasJournal())) return [journal(since, until, now, tags)];
  const files = syslogs(SYSLOG_FOLDER, since ?? Number.NEGATIVE_INFINITY);
  if (files.length === 0)
    throw new NoReport(`no kern.log, syslog or messages in ${SYSLOG_FOLDER}: name the file, or - for standard input`);
  return files;
}

/** Where nothing is found, why that may be. journalctl is silent about what it may not read. */
function unseen(logs: readonly Log[], { lines, attempts, leftOut }: Reading): string[] {
  if (attempts > 0) return [];
  if (leftOut.mayBePackets) return ["No attempt was counted: the list of lines read says why."];
  const isSecret = lines === 0 && process.getuid?.() !== 0 && isOfJournal(logs);
  return isSecret
    ? ["Nothing could be read of the journal without being root (sudo knockctl), or in the group systemd-journal."]
    : ["No packet was found that a rule of the firewall logged: man knockctl has such a rule."];
}

function shown(report: Report, format: Format): string {
  switch (format) {
    case "table":
      return table(report);
    case "markdown":
      return markdown(report);
    case "csv":
      return csv(report);
    case "json":
      return json(report);
    case "html":
      return page(report);
  }
}
