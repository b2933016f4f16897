// The report as Markdown.

import { printable } from "../../terminal/printable.ts";
import type { Report } from "../report.ts";
import { headline } from "./headline.ts";
import { type Limits, type Section, sections, summary } from "./sections.ts";

export function markdown(report: Report, limits: Limits): string {
  const lead = [headline(report), summary(report)].filter((text) => text !== "");
  const parts = [
    "# Who was at the door\n",
    ...lead.map((text) => `${escaped(text)}\n`),
    ...sections(report, limits).map(sectionText),
  ];
  if (report.leftOut.length > 0) parts.push(report.leftOut.map((sentence) => `- ${escaped(sentence)}\n`).join(""));
  const used = report.sourcesOfData.map(({ name, licence, link }) => {
    const text = `${escaped(name)} (${escaped(licence)})`;
    return link === "" ? text : `${text} <${link}>`;
  });
  return `${parts.join("\n")}\nLocations: ${used.join("; ")}\n`;
}

function sectionText({ title, head, rows, more }: Section): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  const rule = line(head.map((_, i) => (typeof rows[0]![i] === "number" ? "---:" : "---")));
  const body = rows.map((row) => line(row.map((cell) => escaped(String(cell)))));
  return `## ${title}\n\n${line(head)}${rule}${body.join("")}${more > 0 ? `\n… and ${more} more\n` : ""}`;
}

/** Escapes what Markdown, or HTML in it, would interpret. */
function escaped(text: string): string {
  return printable(text)
    .replace(/[\\`*_[\]~|]/g, "\\$&")
    .replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/(?<=^ *)[#+-]/, "\\$&");
}
