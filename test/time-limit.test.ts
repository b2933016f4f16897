import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, bound, factor, scaled, until } from "./time-limit.ts";

describe("a test's time limit", () => {
  it("grows with the time that Node needs to start", () => {
    assert.deepEqual(
      [10, 45, 450, 1e6].map((ms) => factor(ms)),
      [3, 3, 10, 15],
    );
    assert.ok(scaled(100) >= 300 && scaled(100) <= 1500);
    assert.deepEqual([factor(10, 1), factor(90, 1)], [1, 2]);
    assert.ok(bound(100) >= 100 && bound(100) <= 1500);
  });

  it("does not delay a positive answer", async () => {
    let asked = 0;
    assert.equal(await until(() => ++asked === 3, 1e6), true);
    assert.equal(asked, 3);
  });

  it("returns a negative answer after its scaled end, and not before", async () => {
    const begun = performance.now();
    assert.equal(await until(async () => false, 20), false);
    assert.ok(performance.now() - begun >= 60);
  });

  it("allows an answer after the limit of a quiet machine", async () => {
    const begun = performance.now();
    assert.equal(await until(() => performance.now() - begun > 100, 50), true);
  });

  it("runs the clean-up afterwards, unless that is cancelled", async () => {
    const done: string[] = [];
    after(10, () => done.push("taken back"))();
    const takenBackLate = after(1, () => done.push("taken back late"));
    await new Promise<void>((resolve) => after(20, resolve));
    takenBackLate();
    assert.ok(!done.includes("taken back"));
  });
});
