// The tables of a report for the terminal and for Markdown.

import { localTime } from "../../terminal/format.ts";
import { plural } from "../../terminal/plural.ts";
import { serviceName } from "../count/common-names.ts";
import type { Report, TimeRow } from "../report.ts";

/** How many rows a table shows. */
export interface Limits {
  readonly rows: number;
  readonly days: number;
  /** Undefined: the busiest hours, at most `rows`. */
  readonly hours: number | undefined;
}

export const SHORT: Limits = { rows: 5, days: 7, hours: undefined };
export const LONG: Limits = { rows: 15, days: 24, hours: 24 };
export const EVERY: Limits = {
  rows: Number.POSITIVE_INFINITY,
  days: Number.POSITIVE_INFINITY,
  hours: Number.POSITIVE_INFINITY,
};

const BAR = 30;

export type Cell = string | number;

export interface Section {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** The number of rows that are not shown. */
  readonly more: number;
}

export function sections(report: Report, limits: Limits): Section[] {
  const section = <T>(title: string, head: string[], rows: readonly T[], cells: (row: T) => Cell[]): Section => ({
    ...{ title, head, rows: rows.slice(0, limits.rows).map(cells) },
    more: Math.max(0, rows.length - limits.rows),
  });
  const all = [
    section("Ports", ["port", "service", "attempts", "sources"], report.ports, (row) => [
      portName(row.protocol, row.port),
      serviceName(row.protocol, row.port, row.service),
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
    section("Ports tried together by several sources", ["ports", "sources"], sharedSets(report), (row) => [
      row.ports.join(" "),
      row.sources,
    ]),
    timeline("Attempts per day", report.days.slice(-limits.days), {
      ...{ head: "day", name: (at) => minute(at).slice(0, 10), of: report.days.length },
    }),
    limits.hours === undefined
      ? timeline("Busiest hours", busiest(report.hours, limits.rows), {
          ...{ head: "hour", name: minute, of: report.hours.length },
        })
      : timeline("Attempts per hour", report.hours.slice(-limits.hours), {
          ...{ head: "hour", name: minute, of: report.hours.length },
        }),
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

/** The attempts, the lines left out by reason, and their sum. */
function linesRead({ attempts, lines, linesLeftOut }: Report): Cell[][] {
  if (lines === 0) return [];
  return [["attempts", attempts], ...linesLeftOut.map((row) => [row.reason, row.lines]), ["total", lines]];
}

/** Such as `1234 attempts from 56 sources, 2026-11-18 04:16 to 2026-11-22 23:50 (host door)`. */
export function summary({ attempts, sources, host, since, until }: Report): string {
  const at = host === "" ? "" : ` (host ${host})`;
  const when = since === undefined || until === undefined ? "" : `, ${minute(since)} to ${minute(until)}`;
  return `${plural(attempts, "attempt")} from ${plural(sources, "source")}${when}${at}`;
}

/** Sets of ports that at least two sources tried. A set of a single source says nothing. */
export function sharedSets({ together }: Report): Report["together"] {
  return together.filter(({ sources }) => sources > 1);
}

export function portName(protocol: string, port: number): string {
  return port === 0 ? protocol : `${protocol}/${port}`;
}

function minute(seconds: number): string {
  return localTime(new Date(seconds * 1000)).slice(0, -3);
}

interface Timeline {
  readonly head: string;
  readonly name: (at: number) => string;
  /** The number of all rows. `rows` may be only some of them. */
  readonly of: number;
}

function timeline(title: string, rows: readonly TimeRow[], { head, name, of }: Timeline): Section {
  const most = Math.max(1, ...rows.map(({ attempts }) => attempts));
  return {
    title,
    head: [head, "attempts", ""],
    rows: rows.map(({ at, attempts }) => [name(at), attempts, "#".repeat(Math.ceil((attempts / most) * BAR))]),
    more: of - rows.length,
  };
}

function busiest(rows: readonly TimeRow[], most: number): readonly TimeRow[] {
  return [...rows].sort((a, b) => b.attempts - a.attempts || a.at - b.at).slice(0, most);
}
