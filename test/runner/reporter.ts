// Reports a test file's results to the runner, one JSON value per line. The last line is "end". It is missing if the
// process exits in the middle of its tests, even with status 0.
import { inspect } from "node:util";

/** One result, of a test or of a suite. */
export interface Result {
  readonly name: string;
  /** 0 at the top of the file. */
  readonly nesting: number;
  readonly isSuite: boolean;
  readonly verdict: "passed" | "failed" | "skipped";
  readonly error?: string;
}

export const END = "end";

/** What node:test says of one event; Node 18 to 24 agree on these fields. */
interface TestEvent {
  type: string;
  data: {
    name: string;
    nesting: number;
    message?: string;
    skip?: string | boolean;
    todo?: string | boolean;
    details?: { type?: string; error?: { cause?: unknown } };
  };
}

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type === "test:pass" || type === "test:fail") yield line(resultOf(type, data));
  }
  yield line(END);
}

function resultOf(type: string, { name, nesting, skip, todo, details }: TestEvent["data"]): Result {
  const isSet = (word: string | boolean | undefined) => word !== undefined && word !== false;
  const result = { name, nesting, isSuite: details?.type === "suite" };
  if (isSet(skip) || isSet(todo)) return { ...result, verdict: "skipped" };
  if (type === "test:pass") return { ...result, verdict: "passed" };
  const cause = details?.error?.cause ?? details?.error;
  return { ...result, verdict: "failed", error: typeof cause === "string" ? cause : inspect(cause) };
}

const line = (value: Result | typeof END): string => `${JSON.stringify(value)}\n`;
