// Rounds: each round measures every program once, and every second round in reverse order. So a change of the machine's
// load affects all programs alike.
import type { Wire } from "../test/live/wire.ts";
import type { Subject } from "./subject.ts";
import { type Figure, ofRounds, type Row } from "./table.ts";

export interface Bench {
  readonly wire: Wire;
  readonly quick: boolean;
  readonly rounds: number;
}

/** A family of rows. `npm run bench -- NAME` runs one alone. */
export interface Family {
  readonly rows: readonly Row[];
  readonly curves?: readonly Curve[];
  /** Lines below the table, which a reader of the rows must know. */
  readonly notes?: readonly string[];
}

/** How a cost grows, for each program that was measured. */
export interface Curve {
  readonly title: string;
  readonly across: string;
  readonly up: string;
  readonly lines: Partial<Record<Subject, readonly (readonly [x: number, y: number])[]>>;
}

export type Results<T> = Partial<Record<Subject, T[]>>;

export async function inTurns<T>(
  { rounds }: Pick<Bench, "rounds">,
  what: string,
  subjects: readonly Subject[],
  measure: (subject: Subject) => Promise<T>,
): Promise<Results<T>> {
  const results: Results<T> = {};
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`${what}: round ${round} of ${rounds}\n`);
    for (const subject of round % 2 ? subjects : [...subjects].reverse()) {
      results[subject] ??= [];
      results[subject].push(await measure(subject));
    }
  }
  return results;
}

/** Makes the figures of a row from one number per round. NaN means not measured. */
export function figures<T>(results: Results<T>, of: (round: T) => number): Row["figures"] {
  const all: Partial<Record<Subject, Figure>> = {};
  for (const [subject, rounds] of Object.entries(results)) {
    const values = rounds.map(of).filter((value) => !Number.isNaN(value));
    if (values.length > 0) all[subject as Subject] = ofRounds(values);
  }
  return all;
}

/** Makes the lines of a curve: for each x, the median of one number over the rounds. */
export function lines<T>(
  results: Results<T>,
  xs: readonly number[],
  of: (round: T, x: number) => number,
): Curve["lines"] {
  const all: Record<string, [number, number][]> = {};
  for (const [subject, rounds] of Object.entries(results)) {
    all[subject] = xs
      .map((x): [number, number] => [x, ofRounds(rounds.map((round) => of(round, x))).value])
      .filter(([, y]) => !Number.isNaN(y));
  }
  return all;
}
