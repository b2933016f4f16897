import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Job, runAll } from "./queue.ts";

describe("jobs", () => {
  it("run up to the given number at a time, and exclusive ones alone", async () => {
    const running = new Set<string>();
    const seen: string[] = [];
    const job = (name: string, isAlone = false): Job<string> => ({
      isAlone,
      run: async () => {
        running.add(name);
        seen.push([...running].join(""));
        for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate);
        running.delete(name);
        return name;
      },
    });
    const done: string[] = [];
    await runAll([job("a"), job("X", true), job("b"), job("c"), job("Y", true)], 2, (name) => done.push(name));
    assert.deepEqual(seen, ["a", "ab", "bc", "X", "Y"]);
    assert.deepEqual(done, ["a", "b", "c", "X", "Y"]);
  });

  it("all end before a failure is reported", async () => {
    const fails: Job<string> = { isAlone: false, run: () => Promise.reject(new Error("no sh")) };
    await assert.rejects(
      runAll([fails], 1, () => {}),
      /no sh/,
    );
  });
});
