// The report as a person reads it: a few tables, for the terminal and for Markdown.

import { plural } from "../../terminal/plural.ts";
import type { Report } from "../report.ts";

/** Of a table that sorts by attempts, and of a timeline. */
const [MOST_ROWS, MOST_TIMES] = [15, 24] as const;
const BAR = 30;

export type Cell = string | number;

export interface Section {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Rows that there are besides. */
  readonly more: number;
}

export function sections(report: Report): Section[] {
  const all = [
    section("Ports", ["port", "service", "attempts", "sources"], report.ports, (row) => [
      portName(row.protocol, row.port),
      row.service,
      row.attempts,
      row.sources,
    ]),
    section("Countries", ["country", "attempts", "sources"], report.countries, (row) => [
      row.name,
      row.attempts,
      row.sources,
    ]),
    section("Networks", ["network", "attempts", "sources"], report.networks, (row) => [
      row.network,
      row.attempts,
      row.sources,
    ]),
    section("Places", ["place", "attempts"], report.places, (row) => [row.name, row.attempts]),
    section("Sources", ["address", "country", "network", "attempts", "ports", "first", "last"], report.top, (row) => [
      row.address,
      row.country,
      row.network,
      row.attempts,
      row.ports,
      minute(row.first),
      minute(row.last),
    ]),
    section("Ports tried together by one source", ["ports", "sources"], report.together, (row) => [
      row.ports.join(" "),
      row.sources,
    ]),
    timeline("Attempts per day", "day", report.days, (at) => minute(at).slice(0, 10)),
    timeline("Attempts per hour", "hour", report.hours, minute),
    section("Knocks", ["door", "begun", "opened", "failed"], report.doors, (row) => [
      row.door,
      row.begun,
      row.opened,
      row.failed,
    ]),
    { title: "Lines read", head: ["what", "lines"], rows: linesRead(report), more: 0 },
  ];
  return all.filter(({ rows }) => rows.length > 0);
}

/** Attempts and each reason for leaving lines out, and all of them together. */
function linesRead({ attempts, lines, linesLeftOut }: Report): Cell[][] {
  if (lines === 0) return [];
  return [["attempts", attempts], ...linesLeftOut.map((row) => [row.reason, row.lines]), ["together", lines]];
}

/** `1,234 attempts of 56 sources at door, 2026-11-18 04:16 – 2026-11-22 23:50` */
export function summary({ attempts, sources, host, since, until }: Report): string {
  const at = host === "" ? "" : ` at ${host}`;
  const when = since === undefined || until === undefined ? "" : `, ${minute(since)} – ${minute(until)}`;
  return `${plural(attempts, "attempt")} of ${plural(sources, "source")}${at}${when}`;
}

export function portName(protocol: string, port: number): string {
  return port === 0 ? protocol : `${protocol}/${port}`;
}

/** In this machine's time zone. */
function minute(seconds: number): string {
  const at = new Date(seconds * 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

function section<T>(title: string, head: string[], rows: readonly T[], cells: (row: T) => Cell[]): Section {
  return { title, head, rows: rows.slice(0, MOST_ROWS).map(cells), more: Math.max(0, rows.length - MOST_ROWS) };
}

/** The newest, in order of time. */
function timeline(title: string, what: string, rows: Report["hours"], name: (at: number) => string): Section {
  const shown = rows.slice(-MOST_TIMES);
  const most = Math.max(1, ...shown.map(({ attempts }) => attempts));
  return {
    title,
    head: [what, "attempts", ""],
    rows: shown.map(({ at, attempts }) => [name(at), attempts, "#".repeat(Math.ceil((attempts / most) * BAR))]),
    more: rows.length - shown.length,
  };
}
