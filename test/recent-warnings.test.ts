// Tests the list of the last warnings and errors.
import assert from "node:assert/strict";
import { it } from "node:test";
import { Logger } from "../src/log/logger.ts";
import { RecentWarnings } from "../src/log/recent-warnings.ts";

it("the last twenty lines are kept, none longer than 500 characters, with their times", () => {
  const recent = new RecentWarnings();
  for (let i = 0; i < 30; i++) recent.add(`${i} ${"x".repeat(1000)}`);
  assert.equal(recent.lines.length, 20);
  assert.match(recent.lines[0]!.line, /^10 x{497}$/);
  assert.match(recent.lines[19]!.line, /^29 x{497}$/);
  assert.ok(Math.abs(recent.lines[19]!.time.getTime() - Date.now()) < 60_000);
});

it("only warnings and errors are kept, whatever log there is", () => {
  const nowhere = { write() {}, flush() {} };
  const book = new Logger({ debug: false, verbose: false }, nowhere, nowhere);
  book.log.info("an event");
  book.log.note("a note");
  book.log.warn("a warning");
  book.log.error("an error");
  assert.deepEqual(
    book.recent.lines.map(({ line }) => line),
    ["a warning", "an error"],
  );
});
