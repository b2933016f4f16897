// Tests the formatting of numbers and times.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { duration, localTime, plural } from "../src/terminal/format.ts";

describe("numbers and times as text", () => {
  const durations: [seconds: number, words: string][] = [
    [0, "0 s"],
    [0.4, "0 s"],
    [119.4, "119 s"],
    [119.6, "2 min"],
    [3540, "59 min"],
    [3580, "1 h"],
    [3600, "1 h"],
    [7500, "2 h 5 min"],
    [172_740, "47 h 59 min"],
    [172_800, "2 days"],
    [864_000, "10 days"],
  ];
  for (const [seconds, words] of durations) {
    it(`${seconds} seconds are ${words}`, () => assert.equal(duration(seconds), words));
  }

  it("one is singular", () =>
    assert.deepEqual(
      [0, 1, 2].map((n) => plural(n, "door")),
      ["0 doors", "1 door", "2 doors"],
    ));

  it("times are local", () => {
    const [at, pad] = [new Date(2026, 0, 2, 3, 4, 5), "2026-01-02 03:04:05"];
    assert.equal(localTime(at.toISOString()), pad);
  });
});
