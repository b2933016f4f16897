// The report as CSV (RFC 4180): all lists in one table. The first column names the list of a row.

import { printable } from "../../terminal/printable.ts";
import type { Report } from "../report.ts";
import { type Cell, portName } from "./sections.ts";

const COLUMNS = [
  "list",
  "item",
  "name",
  "attempts",
  "sources",
  "country",
  "network",
  "ports",
  "first",
  "last",
  "latitude",
  "longitude",
  "begun",
  "opened",
  "failed",
  "lines",
] as const;

type Row = Partial<Record<(typeof COLUMNS)[number], Cell>>;

export function csv(report: Report): string {
  return [COLUMNS, ...rows(report).map((row) => COLUMNS.map((column) => row[column] ?? ""))]
    .map((cells) => `${cells.map(cell).join(",")}\r\n`)
    .join("");
}

function rows(report: Report): Row[] {
  const { ports, countries, networks, places, top, hours, days, together, doors, leftOut, sourcesOfData } = report;
  const { attempts, linesLeftOut, lines } = report;
  const read = [{ reason: "attempts", lines: attempts }, ...linesLeftOut, { reason: "together", lines }];
  return [
    ...ports.map(({ protocol, port, service, attempts, sources }) => ({
      list: "port",
      item: portName(protocol, port),
      name: service,
      attempts,
      sources,
    })),
    ...countries.map(({ code, name, attempts, sources }) => ({ list: "country", item: code, name, attempts, sources })),
    ...networks.map(({ network, attempts, sources }) => ({ list: "network", item: network, attempts, sources })),
    ...places.map(({ name, attempts, latitude, longitude }) => ({
      list: "place",
      item: name,
      attempts,
      latitude,
      longitude,
    })),
    ...top.map(({ address, first, last, ...row }) => ({
      list: "source",
      item: address,
      ...row,
      first: iso(first),
      last: iso(last),
    })),
    ...together.map(({ ports, sources }) => ({ list: "together", item: ports.join(" "), sources })),
    ...hours.map(({ at, attempts }) => ({ list: "hour", item: iso(at), attempts })),
    ...days.map(({ at, attempts }) => ({ list: "day", item: iso(at), attempts })),
    ...doors.map(({ door, begun, opened, failed }) => ({ list: "door", item: door, begun, opened, failed })),
    ...(lines === 0 ? [] : read.map(({ reason, lines }) => ({ list: "lines read", item: reason, lines }))),
    ...leftOut.map((item) => ({ list: "left out", item })),
    ...sourcesOfData.map(({ name, licence, link }) => ({ list: "locations by", item: `${name} (${licence}) ${link}` })),
  ];
}

const iso = (seconds: number): string => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");

/**
 * Puts an apostrophe before text that a spreadsheet would evaluate as a formula: attackers control some of these texts.
 */
function cell(value: Cell): string {
  if (typeof value === "number") return String(value);
  const text = printable(value).replace(/^\s*[=+\-@|%]/, "'$&");
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
