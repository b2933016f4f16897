import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { WallClock } from "../src/platform/wall-clock.ts";

describe("the wall clock", () => {
  it("returns one time for one moment, even if it is set, slowed down or jittery", () => {
    let offset = 1000;
    const clock = new WallClock(() => offset);
    const told = new Map<number, number>();
    for (let n = 0; n < 450; n++) {
      clock.look(n * 10);
      told.set(n * 10, clock.at(n * 10));
      for (const [moment, time] of told) assert.equal(clock.at(moment), time);
      offset += n % 100 === 99 ? 1e12 : n % 2 === 0 ? 0.7 : -0.6;
    }
    assert.equal(told.get(0), 1000);
    assert.ok(Math.abs(told.get(4490)! - 4490 - offset) < 10);
  });

  it("remembers a limited number of changes", () => {
    let offset = 0;
    const clock = new WallClock(() => offset);
    for (let n = 0; n < 4500; n++) {
      offset += 100;
      clock.look(n);
    }
    assert.equal(clock.at(4999), 4999 + offset);
    assert.equal(clock.at(0), clock.at(1) - 1);
  });
});
