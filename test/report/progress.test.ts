import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Progress } from "../../src/report/progress.ts";

function shown(isTTY: boolean, total: number, steps: readonly [ms: number, bytes: number, lines: number][]): string {
  let text = "";
  let now = 0;
  const progress = new Progress({ isTTY, write: (more) => (text += more) }, total, () => now);
  for (const [ms, bytes, lines] of steps) {
    now = ms;
    progress.at(bytes, lines);
  }
  progress.end();
  return text;
}

describe("progress", () => {
  it("is a bar, ten times a second, that is gone in the end", () => {
    assert.equal(
      shown(true, 100, [
        [0, 0, 0],
        [50, 25, 1],
        [100, 50, 2],
        [200, 150, 3],
      ]),
      `\r\x1b[K[${" ".repeat(24)}] 0 %, 0 lines\r\x1b[K[${"#".repeat(12)}${" ".repeat(12)}] 50 %, 2 lines\r\x1b[K[${"#".repeat(24)}] 100 %, 3 lines\r\x1b[K`,
    );
  });

  it("counts where nobody knows how much there is", () => {
    assert.equal(shown(true, 0, [[0, 10, 5]]), "\r\x1b[K5 lines\r\x1b[K");
  });

  it("is for terminals only", () => {
    assert.equal(shown(false, 100, [[0, 50, 5]]), "");
  });
});
