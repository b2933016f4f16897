// The report as tables in a terminal.

import { paragraph } from "../../terminal/paragraph.ts";
import { printable } from "../../terminal/printable.ts";
import { type Column, table as terminalTable } from "../../terminal/table.ts";
import type { Report } from "../report.ts";
import { headline } from "./headline.ts";
import { type Cell, type Limits, type Section, sections, summary } from "./sections.ts";

/** Columns that may be cut or wrapped on a narrow terminal. Half an address or number would be wrong. */
const TEXTS = new Set(["service", "country", "network", "place", "ports", "door", "what"]);

export function table(report: Report, limits: Limits): string {
  const lead = [headline(report), summary(report)].filter((text) => text !== "");
  const all = sections(report, limits);
  const parts = [...lead.map((text) => paragraph(printable(text))), ...all.map(sectionText)];
  if (all.some(({ more }) => more > 0)) parts.push("See every row: knockctl report --all\n");
  if (report.leftOut.length > 0)
    parts.push(report.leftOut.map((one) => paragraph(printable(one), { rest: 2 })).join(""));
  const used = report.sourcesOfData.map(({ name, licence, link }) => `${name} (${licence})${link && ` ${link}`}`);
  return `${parts.join("\n")}\n${paragraph(`Locations: ${printable(used.join("; "))}`, { rest: 2 })}`;
}

function sectionText({ title, head, rows, more }: Section): string {
  const shown = head.flatMap((name, i) => (name === "first" ? [] : [i])); // 80 columns have no room for two times
  const columns = shown.map((i): Column => {
    const align = typeof rows[0]![i] === "number" ? "right" : "left";
    return { head: head[i]!.toUpperCase(), align, ...(TEXTS.has(head[i]!) ? { narrow: "cut" } : {}) };
  });
  const harmless = (cell: Cell): Cell => (typeof cell === "number" ? cell : printable(cell));
  const cells = rows.map((row) => shown.map((i) => harmless(row[i]!)));
  return `${title}\n${terminalTable(columns, cells, { indent: 2 })}${more > 0 ? `  and ${more} more\n` : ""}`;
}
