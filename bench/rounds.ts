// Rounds: each measures everybody once, in turns and in the other order every other time, so that whatever changes on
// this machine meets all alike.
import type { Wire } from "../test/live/wire.ts";
import type { Subject } from "./subject.ts";
import { type Figure, ofRounds, type Row } from "./table.ts";

export interface Bench {
  readonly wire: Wire;
  readonly quick: boolean;
  readonly rounds: number;
}

/** One family of rows, which can be run alone. */
export interface Family {
  readonly rows: readonly Row[];
  readonly curves?: readonly Curve[];
  /** What a reader of the rows has to know. */
  readonly notes?: readonly string[];
}

/** How a cost grows, for each who was measured. */
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

/** One number of each round, as the figures of a row; NaN where it was not measured. */
export function figures<T>(results: Results<T>, of: (round: T) => number): Row["figures"] {
  const all: Partial<Record<Subject, Figure>> = {};
  for (const [subject, rounds] of Object.entries(results)) {
    const values = rounds.map(of).filter((value) => !Number.isNaN(value));
    if (values.length > 0) all[subject as Subject] = ofRounds(values);
  }
  return all;
}

/** The medians over the rounds, of one number for each x. */
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
