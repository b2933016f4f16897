// Prints the figures as a table, and compares them with our goals.
import { cpus, release, type as system } from "node:os";
import { NAMES, type Subject } from "./subject.ts";

/** One program's figure in a row, with the lowest and the highest round. */
export interface Figure {
  value: number;
  low: number;
  high: number;
}

export interface Row {
  what: string;
  figures: Partial<Record<Subject, Figure>>;
  /** The goal for knockd-ng: at most `most`, or at most `most` times the figure of the program `of`. */
  reach?: { most: number; of?: Subject };
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

/** Makes a figure of one value per round: their median and range. */
export const ofRounds = (values: readonly number[]): Figure => ({
  value: median(values),
  low: Math.min(...values),
  high: Math.max(...values),
});

/** A Markdown table with a column for each program that was measured. */
export function table(rows: readonly Row[]): string {
  const subjects = (Object.keys(NAMES) as Subject[]).filter((one) => rows.some(({ figures }) => figures[one]));
  const cells = [
    ["", ...subjects.map((one) => NAMES[one]), "ratio", "to reach"],
    ...rows.map((row) => [
      row.what,
      ...subjects.map((one) => (row.figures[one] ? figure(row.figures[one]) : "")),
      ratio(row.figures),
      verdict(row),
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

/** Three significant digits, but at most two decimals; three decimals below 0.1. */
export function short(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(0, Math.min(2, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return value.toFixed(Math.abs(value) < 0.1 ? 3 : digits);
}

const figure = ({ value, low, high }: Figure) =>
  low === high ? short(value) : `${short(value)} (${short(low)} – ${short(high)})`;

/** How many times as much 0.8 needs, such as `1 : 12`. */
function ratio({ ours, judge }: Row["figures"]): string {
  return ours && judge && ours.value > 0 && judge.value > 0 ? `1 : ${short(judge.value / ours.value)}` : "";
}

export function isReached({ figures, reach }: Row): boolean | undefined {
  const unit = reach?.of === undefined ? 1 : figures[reach.of]?.value;
  if (reach === undefined || unit === undefined || !figures.ours) return undefined;
  return figures.ours.value <= reach.most * unit;
}

function verdict(row: Row): string {
  const reached = isReached(row);
  if (reached === undefined) return "";
  const { most, of } = row.reach!;
  const aim = of === undefined ? short(most) : most < 1 ? `1 : ${short(1 / most)}` : `${short(most)} × ${NAMES[of]}`;
  return `${aim} ${reached ? "reached" : "NOT reached"}`;
}
