// Numbers as a person reads them.
import { cpus, release, type as system } from "node:os";

/** What one row says of one daemon: the figure, and the smallest and largest of the rounds. */
export interface Figure {
  value: number;
  low: number;
  high: number;
}

export interface Row {
  what: string;
  ours: Figure;
  judge: Figure;
  /** Ours is to be less than the judge's divided by this. */
  times?: number;
}

export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** One value per round: their median. */
export const ofRounds = (values: readonly number[]): Figure => ({
  value: median(values),
  low: Math.min(...values),
  high: Math.max(...values),
});

/** A Markdown table, in columns. */
export function table(rows: readonly Row[]): string {
  const cells = [
    ["", "knockd-ng", "knockd 0.8", "ratio", "expected"],
    ...rows.map(({ what, ours, judge, times }) => [
      what,
      figure(ours),
      figure(judge),
      ratio(ours, judge),
      times ? verdict(ours, judge, times) : "",
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [line(cells[0]!), rule, ...cells.slice(1).map(line)].join("\n");
}

export function machine(): string {
  const all = cpus();
  const model = all[0]?.model.replace(/\s+/g, " ").trim() || process.arch;
  return `${model}, ${all.length} cores; ${system()} ${release()}; Node ${process.version}`;
}

/** Three figures, but no more than two behind the point. */
export function short(value: number): string {
  if (value === 0) return "0";
  return value.toFixed(Math.max(0, Math.min(2, 2 - Math.floor(Math.log10(Math.abs(value))))));
}

const figure = ({ value, low, high }: Figure) => `${short(value)} (${short(low)} – ${short(high)})`;

const ratio = (ours: Figure, judge: Figure) => (ours.value > 0 ? `1 : ${short(judge.value / ours.value)}` : "");

const verdict = (ours: Figure, judge: Figure, times: number) =>
  `1 : ${times} ${ours.value * times < judge.value ? "reached" : "NOT reached"}`;
