// Tests the clock of a replay: it never goes back, and timers run in the order of their times.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { VirtualClock } from "../src/replay/virtual-clock.ts";

describe("a capture's clock", () => {
  it("begins with the first packet, and advances with each", () => {
    const clock = new VirtualClock();
    const pass = (time: number) => {
      clock.advanceTo(clock.at(time));
      return [Math.round(clock.now), Math.round(clock.time * 1000) / 1000];
    };
    assert.deepEqual([1000.25, 1000.25, 1002.5].map(pass), [
      [0, 1000.25],
      [0, 1000.25],
      [2250, 1002.5],
    ]);
  });

  it("does not go back for packets out of order, and continues after the capture's clock was set back", () => {
    const clock = new VirtualClock();
    const now = (time: number) => {
      clock.advanceTo(clock.at(time));
      return Math.round(clock.now);
    };
    assert.deepEqual([1000, 1002, 1001.5, 1003].map(now), [0, 2000, 2000, 3000]);
    assert.deepEqual([500, 501].map(now), [3000, 4000], "set back");
    assert.equal(clock.time, 501);
  });

  it("calls timers with the same time in the order in which they were set", () => {
    const clock = new VirtualClock();
    const called: number[] = [];
    for (let i = 0; i < 20; i++) clock.after(i % 2, () => void called.push(i));
    while (clock.due < Number.POSITIVE_INFINITY) clock.runNext();
    const [even, odd] = [0, 1].map((rest) => Array.from({ length: 10 }, (_, i) => 2 * i + rest));
    assert.deepEqual(called, [...even!, ...odd!]);
  });

  it("calls timers in order of time, whatever the order in which they were set or cancelled", () => {
    const seconds = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.boolean()), { maxLength: 60 });
    fc.assert(
      fc.property(seconds, (given) => {
        const clock = new VirtualClock();
        const called: number[] = [];
        const timers = given.map(([after]) => clock.after(after, () => called.push(after)));
        given.forEach(([, cancelled], i) => {
          if (cancelled) timers[i]!.cancel();
        });
        while (clock.due < Number.POSITIVE_INFINITY) {
          clock.advanceTo(clock.due);
          clock.runNext();
          assert.equal(clock.now, 1000 * called.at(-1)!);
        }
        const expected = given.flatMap(([after, cancelled]) => (cancelled ? [] : [after])).sort((a, b) => a - b);
        assert.deepEqual(called, expected);
      }),
    );
  });
});
