// The report as tables in a terminal.

import { plain } from "../plain.ts";
import type { Report } from "../report.ts";
import { type Cell, type Section, sections, summary } from "./sections.ts";

export function table(report: Report): string {
  const parts = [`${plain(summary(report))}\n`, ...sections(report).map(sectionText)];
  if (report.leftOut.length > 0) parts.push(report.leftOut.map((sentence) => `${plain(sentence)}\n`).join(""));
  const used = report.sourcesOfData.map(({ name, licence, link }) => `${name} (${licence})${link && ` ${link}`}`);
  return `${parts.join("\n")}\nLocations: ${plain(used.join("; "))}\n`;
}

function sectionText({ title, head, rows, more }: Section): string {
  const cells = [head, ...rows.map((row) => row.map((cell) => plain(String(cell))))];
  const widths = head.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  const pad = (cell: string, i: number, like: Cell) =>
    typeof like === "number" ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!);
  const like = rows[0]!;
  const lines = cells.map((row) => `  ${row.map((cell, i) => pad(cell, i, like[i]!)).join("  ")}`.trimEnd());
  return `${title}\n${lines.join("\n")}\n${more > 0 ? `  … and ${more} more\n` : ""}`;
}
