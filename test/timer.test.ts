import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { after } from "../src/platform/timer.ts";

const LONGEST_MS = 2 ** 31 - 1;
const DAY = 86_400;

describe("after", () => {
  const real = { setTimeout, clearTimeout };
  /** The timeouts that are neither over nor cleared. */
  let waiting: { callback: () => void; ms: number }[];

  beforeEach(() => {
    waiting = [];
    const fakes = {
      setTimeout(callback: () => void, ms: number) {
        const timer = { callback, ms };
        waiting.push(timer);
        return timer;
      },
      clearTimeout(timer: never) {
        waiting = waiting.filter((one) => one !== timer);
      },
    };
    Object.assign(globalThis, fakes);
  });
  afterEach(() => void Object.assign(globalThis, real));

  /** Runs the only timer, and returns its timeout. */
  function elapse(): number {
    assert.equal(waiting.length, 1);
    const { callback, ms } = waiting.pop()!;
    callback();
    return ms;
  }

  const lengths: [seconds: number, parts: number[]][] = [
    [0, [0]],
    [1, [1000]],
    [2_147_483.647, [LONGEST_MS]],
    [2_147_484, [LONGEST_MS, 353]],
    [30 * DAY, [LONGEST_MS, 30 * DAY * 1000 - LONGEST_MS]],
    [100 * DAY, [LONGEST_MS, LONGEST_MS, LONGEST_MS, LONGEST_MS, 100 * DAY * 1000 - 4 * LONGEST_MS]],
  ];
  for (const [seconds, parts] of lengths) {
    it(`waits ${seconds} s in ${parts.length} parts that setTimeout accepts, and calls back once`, () => {
      let calls = 0;
      after(seconds, () => calls++);
      for (const part of parts) {
        assert.equal(calls, 0);
        assert.equal(elapse(), part);
      }
      assert.equal(calls, 1);
      assert.deepEqual(waiting, []);
    });
  }

  it("can be cancelled in any of its parts", () => {
    for (const elapsed of [0, 1, 2]) {
      const timer = after(60 * DAY, () => assert.fail("it was cancelled"));
      for (let i = 0; i < elapsed; i++) elapse();
      timer.cancel();
      assert.deepEqual(waiting, []);
    }
  });

  it("may be cancelled when it is over", () => {
    let calls = 0;
    const timer = after(1, () => calls++);
    const other = after(2, () => calls++);
    const [first] = waiting.splice(0, 1);
    first!.callback();
    timer.cancel();
    assert.equal(calls, 1);
    assert.equal(elapse(), 2000, "the other timer still waits");
    other.cancel();
    assert.equal(calls, 2);
  });
});
