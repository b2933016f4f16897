// The outcome of a test file, from its reporter's output and its exit status, and the text for it.
import { END, type Result } from "./reporter.ts";

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The time limit that it exceeded, in seconds. */
  readonly overtime?: number;
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface Outcome extends Counts {
  readonly file: string;
  readonly seconds: number;
  /** Why the file failed, one text per reason. */
  readonly faults: readonly string[];
  /** The end of what the file printed. */
  readonly output: string;
}

const SHOWN_LINES = 40;

/** Counts tests, not the suites around them; but a file that fails counts at least one failure. */
export function judge(report: string, ended: Ended): Counts & { faults: string[] } {
  const lines = report.split("\n").filter(isWhole);
  const values = lines.map((line) => JSON.parse(line) as Result | typeof END);
  const results = values.filter((value): value is Result => value !== END);
  const faults = failures(results);
  const counted = results.filter(({ isSuite, verdict }) => !isSuite || verdict === "skipped");
  const number = (verdict: Result["verdict"]) => counted.filter((one) => one.verdict === verdict).length;
  const { status, signal, overtime } = ended;
  if (overtime !== undefined) faults.push(`not done after ${overtime} s, and killed`);
  else if (signal) faults.push(`killed by ${signal}`);
  else if (status === 0 && results.length === 0) faults.push("no test ran");
  else if (values.at(-1) !== END) faults.push(`its process exited with status ${status} before the last test was done`);
  else if (status !== 0 && faults.length === 0) faults.push(`exit status ${status}, though no test failed`);
  const failed = number("failed");
  return {
    passed: number("passed"),
    failed: faults.length > 0 ? Math.max(failed, 1) : failed,
    skipped: number("skipped"),
    faults,
  };
}

/** A process that is killed may leave a partial line. */
function isWhole(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

/** A suite that failed only because one of its tests did adds nothing. */
function failures(results: readonly Result[]): string[] {
  return results
    .filter(({ verdict, error }) => verdict === "failed" && !/^'?\d+ subtests? failed'?$/.test(error ?? ""))
    .map(({ name, error }) => `${name}\n${indent(error ?? "")}`);
}

export const isFailed = ({ failed }: Counts): boolean => failed > 0;

export function sum(all: readonly Counts[]): Counts {
  const total = (key: keyof Counts) => all.reduce((sum, one) => sum + one[key], 0);
  return { passed: total("passed"), failed: total("failed"), skipped: total("skipped") };
}

/** `npm test` ends with this line, and CI reads it. */
export function counts({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** One line per file. */
export function progress(outcome: Outcome, done: number, of: number): string {
  const at = `${done}`.padStart(`${of}`.length);
  const time = `${outcome.seconds.toFixed(1)} s`.padStart(8);
  return `[${at}/${of}] ${isFailed(outcome) ? "FAILED" : "ok    "} ${time}  ${outcome.file}: ${counts(outcome)}`;
}

/** Why files failed, then their names, for readers who see only the end. */
export function whyFailed(outcomes: readonly Outcome[]): string {
  const failed = outcomes.filter(isFailed);
  if (failed.length === 0) return "";
  const parts = failed.map(({ file, faults, output }) => {
    const shown = faults.map((fault) => `${indent(`✖ ${shortened(fault)}`)}\n`).join("");
    const printed = output.trim() === "" ? "" : `  the end of its output:\n${indent(indent(output.trimEnd()))}\n`;
    return `\n== ${file} failed\n${shown}${printed}`;
  });
  return `${parts.join("")}\nFailed files:\n${failed.map(({ file }) => `  ${file}\n`).join("")}`;
}

/** A daemon that failed may have logged thousands of lines. The first and the last ones tell most. */
function shortened(text: string): string {
  const lines = text.split("\n");
  if (lines.length <= 2 * SHOWN_LINES) return text;
  const left = `… ${lines.length - 2 * SHOWN_LINES} more lines …`;
  return [...lines.slice(0, SHOWN_LINES), left, ...lines.slice(-SHOWN_LINES)].join("\n");
}

const indent = (text: string): string => text.replace(/^(?=.)/gm, "  ");
