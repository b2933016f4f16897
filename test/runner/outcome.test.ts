import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { counts, judge, type Outcome, progress, sum, whyFailed } from "./outcome.ts";
import type { Result } from "./reporter.ts";

const ENDED = { status: 0, signal: null };
const passed: Result = { name: "a", nesting: 0, isSuite: false, verdict: "passed" };
const report = (...values: unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join("");
const outcome: Outcome = { file: "live/x", seconds: 1.25, passed: 2, failed: 0, skipped: 1, faults: [], output: "" };

describe("the outcome of a test file", () => {
  it("counts tests, and a suite only when it is skipped", () => {
    const suite: Result = { ...passed, isSuite: true };
    const { faults, ...number } = judge(report(passed, suite, { ...suite, verdict: "skipped" }, "end"), ENDED);
    assert.deepEqual([number, faults], [{ passed: 1, failed: 0, skipped: 1 }, []]);
  });

  it("reports a suite's failure only if no test in it failed", () => {
    const failed: Result = { ...passed, verdict: "failed", error: "Error: x" };
    const suite: Result = { name: "s", nesting: 0, isSuite: true, verdict: "failed", error: "'1 subtest failed'" };
    const judged = judge(report(failed, suite, "end"), { ...ENDED, status: 1 });
    assert.deepEqual(judged, { passed: 0, failed: 1, skipped: 0, faults: ["a\n  Error: x"] });
  });

  it("is a failure if the last result is truncated", () => {
    const { failed, faults } = judge(`${report(passed)}{"name":"b","nes`, {
      ...ENDED,
      signal: "SIGKILL",
      status: null,
    });
    assert.deepEqual([failed, faults], [1, ["killed by SIGKILL"]]);
  });

  it("is one line during the run", () => {
    assert.equal(progress(outcome, 7, 120), "[  7/120] ok        1.3 s  live/x: 2 passed, 0 failed, 1 skipped");
    assert.match(progress({ ...outcome, failed: 1 }, 120, 120), /^\[120\/120\] FAILED +1\.3 s /);
  });

  it("is explained at the end, with its failures, output and name", () => {
    const failed = { ...outcome, failed: 1, faults: ["a\n  Error: x\n\n    at y"], output: "said\n" };
    const why = "\n== live/x failed\n  ✖ a\n    Error: x\n\n      at y\n  the end of its output:\n    said\n";
    assert.equal(whyFailed([outcome, failed]), `${why}\nFailed files:\n  live/x\n`);
    assert.equal(whyFailed([outcome]), "");
  });

  it("is shortened if a failure has thousands of lines", () => {
    const fault = Array.from({ length: 1000 }, (_, i) => `line ${i}`).join("\n");
    const lines = whyFailed([{ ...outcome, failed: 1, faults: [fault] }]).split("\n");
    assert.ok(lines.includes("  line 39") && lines.includes("  … 920 more lines …") && lines.includes("  line 960"));
    assert.ok(lines.length < 100, `${lines.length} lines`);
  });

  it("adds up to the last line", () => {
    assert.equal(counts(sum([outcome, { ...outcome, skipped: 0, failed: 3 }])), "4 passed, 3 failed, 1 skipped");
    assert.equal(counts({ passed: 4, failed: 0, skipped: 0 }), "4 passed, 0 failed");
  });
});
