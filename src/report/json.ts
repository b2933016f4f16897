// The report as JSON, the value itself (report.ts).

import type { Report } from "./report.ts";

/** In ASCII: what a terminal would take for more than text is written as JSON writes it. */
export function json(report: Report): string {
  const inAscii = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return `${JSON.stringify(report, undefined, 1).replace(/[^\x20-\x7e\n]/g, inAscii)}\n`;
}
