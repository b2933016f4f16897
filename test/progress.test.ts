// Tests that the progress bar appears only at a terminal, and only when there is something to wait for.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Progress } from "../src/terminal/progress.ts";

function scene(isTTY: boolean) {
  const [written, clock]: [string[], { now: number }] = [[], { now: 0 }];
  const stream = { isTTY, write: (text: string | Uint8Array) => written.push(`${text}`) > 0 };
  return { written, clock, progress: new Progress(stream, () => clock.now) };
}

describe("the progress of a long task", () => {
  it("is drawn after half a second, ten times a second, and then cleared", () => {
    const { written, clock, progress } = scene(true);
    progress.clear();
    const due = [0, 499, 500].map((at) => {
      clock.now = at;
      return progress.isDue;
    });
    assert.deepEqual([due, written], [[false, false, true], []]);
    progress.draw(0.5, "x");
    assert.equal(progress.isDue, false);
    clock.now = 600;
    assert.equal(progress.isDue, true);
    progress.clear();
    progress.clear();
    assert.deepEqual(written, [`\r[${"#".repeat(15)}${" ".repeat(15)}]  50 % x\x1b[K`, "\r\x1b[K"]);
  });

  it("has no percentage if the total is unknown", () => {
    const { written, progress } = scene(true);
    progress.draw(undefined, "5 lines");
    assert.deepEqual(written, ["\r5 lines\x1b[K"]);
  });

  it("is not drawn without a terminal", () => {
    const { clock, progress } = scene(false);
    clock.now = 1e9;
    assert.equal(progress.isDue, false);
  });
});
