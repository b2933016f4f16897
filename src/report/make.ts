// Makes the report: the one door to this folder, through which knockctl comes only when it is asked for a report. What is
// imported from here on is in the package knockd-report.

import { Progress, type Terminal } from "../progress.ts";
import { csv } from "./csv.ts";
import { json } from "./json.ts";
import { file, hasJournal, JOURNAL, journal, type Log, standardInput, syslogs } from "./logs.ts";
import { markdown } from "./markdown.ts";
import { page } from "./page/page.ts";
import { Reading } from "./reading.ts";
import type { Report } from "./report.ts";
import { Services } from "./services.ts";
import { table } from "./table.ts";
import { Tally } from "./tally.ts";
import { type Format, NoReport, type Wanted } from "./wanted.ts";
import { Whereabouts } from "./whereabouts.ts";

const SYSLOG_FOLDER = "/var/log";

/** The text. Throws an Error for whatever can't be read. */
export async function make(wanted: Wanted, terminal: Terminal, now: number): Promise<string> {
  const logs = chosen(wanted, now);
  const tally = new Tally(new Whereabouts(wanted.geo), new Services());
  // Of the journal and a pipe nobody knows the size: then no part of the whole is shown.
  const total = logs.every(({ size }) => size > 0) ? logs.reduce((sum, { size }) => sum + size, 0) : 0;
  const progress = new Progress(terminal);
  const reading = new Reading(tally, wanted, (bytes, lines) => {
    if (progress.isDue) progress.draw(total > 0 ? bytes / total : undefined, `${lines} lines`);
  });
  try {
    for (const log of logs) await reading.read(log);
  } finally {
    progress.clear();
  }
  const report = tally.report(Math.floor(now / 1000), [...reading.leftOut, ...unseen(logs, reading)]);
  return shown(report, wanted.format);
}

function chosen({ logs, from, since, until }: Wanted, now: number): Log[] {
  if (logs.length > 0) return logs.map((path) => (path === "-" ? standardInput(now) : file(path)));
  if (from === "journal" || (from === "auto" && hasJournal())) return [journal(since, until, now)];
  const files = syslogs(SYSLOG_FOLDER, since ?? Number.NEGATIVE_INFINITY);
  if (files.length === 0)
    throw new NoReport(`no kern.log or syslog in ${SYSLOG_FOLDER}: name the file, or - for standard input`);
  return files;
}

/** Where nothing is found, why that may be. journalctl is silent about what it may not read. */
function unseen(logs: readonly Log[], { lines, attempts }: Reading): string[] {
  if (attempts > 0) return [];
  const isSecret = lines === 0 && process.getuid?.() !== 0 && logs.some(({ name }) => name === JOURNAL);
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
