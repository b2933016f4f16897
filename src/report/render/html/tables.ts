// The lists of a report as tables. An empty list has no table.

import { serviceName } from "../../count/common-names.ts";
import type { Report, TimeRow } from "../../report.ts";
import { sharedSets } from "../sections.ts";
import { countryRowId } from "./map.ts";
import { foreign, html, type Markup } from "./markup.ts";
import { attempts, type Column, table } from "./table.ts";
import { type Unit, when } from "./timeline.ts";
import { count, day, machineTime, share, time, year } from "./words.ts";

const sources: Column<{ readonly sources: number }> = {
  head: "Addresses",
  as: "number",
  cell: (row) => count(row.sources),
};

export function countries({ countries: rows, attempts: all }: Report): Markup | undefined {
  if (rows.length === 0) return undefined;
  return table({
    id: "countries",
    caption: "Countries",
    rows,
    rowId: ({ code }) => countryRowId(code),
    columns: [
      {
        head: "Country",
        as: "text",
        cell: ({ name, code }) => html`${foreign(name)}${code && html` <abbr>${code}</abbr>`}`,
      },
      attempts(rows),
      { head: "Share", as: "number", cell: (row) => share(row.attempts, all) },
      sources,
    ],
  });
}

export function networks({ networks: rows }: Report): Markup | undefined {
  if (rows.length === 0) return undefined;
  return table({
    id: "networks",
    caption: "Networks",
    rows,
    columns: [{ head: "Network", as: "text", cell: ({ network }) => foreign(network) }, attempts(rows), sources],
  });
}

export function places({ places: rows }: Report): Markup | undefined {
  if (rows.length === 0) return undefined;
  return table({
    id: "places",
    caption: "Places",
    rows,
    columns: [
      { head: "Place", as: "text", cell: ({ name }) => foreign(name) },
      attempts(rows),
      {
        head: "Latitude, longitude",
        as: "number",
        cell: ({ latitude, longitude }) => `${latitude.toFixed(1)}, ${longitude.toFixed(1)}`,
      },
    ],
  });
}

export function ports({ ports: rows }: Report): Markup | undefined {
  if (rows.length === 0) return undefined;
  return table({
    id: "ports",
    caption: "Ports",
    rows,
    columns: [
      {
        head: "Port",
        as: "word",
        cell: ({ port, protocol }) => (port === 0 ? foreign(protocol) : html`${port}/${foreign(protocol)}`),
      },
      {
        head: "Service",
        as: "text",
        cell: ({ protocol, port, service }) => foreign(serviceName(protocol, port, service)),
      },
      attempts(rows),
      sources,
    ],
  });
}

export function together(report: Report): Markup | undefined {
  const rows = sharedSets(report);
  if (rows.length === 0) return undefined;
  const most = rows.reduce((max, row) => Math.max(max, row.sources), 1);
  return table<Report["together"][number]>({
    id: "together",
    caption: "Ports tried together by several addresses",
    rows,
    columns: [
      {
        head: "Ports",
        as: "text",
        cell: ({ ports: tried }) =>
          foreign(tried.map((port) => port.replace(/^([a-z0-9-]+)\/(\d+)$/, "$2/$1")).join(", ")),
      },
      { ...sources, as: "amount", part: (row) => row.sources / most },
    ],
  });
}

export function addresses({ top: rows, countries: known }: Report): Markup | undefined {
  if (rows.length === 0) return undefined;
  const names = new Map(known.map(({ code, name }) => [code, name]));
  return table({
    id: "addresses",
    caption: "Addresses",
    rows,
    columns: [
      { head: "Address", as: "word", cell: ({ address }) => foreign(address) },
      { head: "Country", as: "text", cell: ({ country }) => foreign(names.get(country) ?? country) },
      { head: "Network", as: "text", isWide: true, cell: ({ network }) => foreign(network) },
      attempts(rows),
      { head: "Ports", as: "number", isWide: true, cell: (row) => count(row.ports) },
      { head: "First", as: "word", isWide: true, cell: ({ first }) => at(first) },
      { head: "Last", as: "word", cell: ({ last }) => at(last) },
    ],
  });
}

export function knocks({ doors: rows }: Report): Markup | undefined {
  if (rows.length === 0) return undefined;
  const most = rows.reduce((max, { begun, opened, failed }) => Math.max(max, begun, opened, failed), 1);
  const column = (head: string, of: "begun" | "opened" | "failed"): Column<(typeof rows)[number]> => ({
    head,
    as: "amount",
    cell: (row) => count(row[of]),
    part: (row) => row[of] / most,
  });
  return table({
    id: "doors",
    caption: "Doors",
    rows,
    columns: [
      { head: "Door", as: "text", cell: ({ door }) => foreign(door) },
      column("Knocks begun", "begun"),
      column("Opened", "opened"),
      column("Failed", "failed"),
    ],
  });
}

/** The attempts, and the reasons for leaving out each other line. */
export function linesRead({ attempts: counted, lines, linesLeftOut }: Report): Markup {
  return table<Report["linesLeftOut"][number]>({
    id: "lines-read",
    caption: "Lines",
    rows: [{ reason: "attempts", lines: counted }, ...linesLeftOut],
    columns: [
      { head: "What", as: "text", cell: ({ reason }) => foreign(reason) },
      { head: "Lines", as: "amount", cell: (row) => count(row.lines), part: (row) => row.lines / Math.max(lines, 1) },
    ],
  });
}

/** The numbers of a timeline, folded: the bars show the same at a glance. */
export function times(unit: Unit, rows: readonly TimeRow[]): Markup | undefined {
  if (rows.length === 0) return undefined;
  const name = unit === "hour" ? "Hour" : "Day";
  return html`<details><summary>Attempts per ${unit}, in numbers</summary>
${table({
  id: `${unit}s`,
  caption: `${name}s`,
  rows,
  columns: [
    {
      head: name,
      as: "text",
      cell: (row) => html`<time datetime="${machineTime(row.at)}">${when(unit, row.at)}</time>`,
    },
    attempts(rows),
  ],
})}
</details>`;
}

function at(seconds: number): Markup {
  return html`<time datetime="${machineTime(seconds)}">${day(seconds)}<span class="wide"> ${year(seconds)}</span>, ${time(seconds)}</time>`;
}
