// Tests when the supervisor compares its captures with the interfaces, with a clock that the test advances.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { CheckSchedule } from "../src/capture/check-schedule.ts";

let calls: string[] = [];
const scheduled = () => new CheckSchedule(() => calls.push("reconcile"));

beforeEach(() => {
  calls = [];
  mock.timers.enable(["setTimeout", "setInterval"]);
});
afterEach(() => mock.timers.reset());

describe("the supervisor's schedule", () => {
  it("runs one comparison for a burst of changes, and another for a later change", () => {
    const schedule = scheduled();
    for (let change = 0; change < 5; change++) schedule.onChange();
    assert.deepEqual(calls, []);
    mock.timers.tick(20);
    assert.deepEqual(calls, ["reconcile"]);
    schedule.onChange();
    mock.timers.tick(20);
    assert.deepEqual(calls, ["reconcile", "reconcile"]);
  });

  it("retries once, a second after the last failure", () => {
    const schedule = scheduled();
    schedule.tryLater();
    mock.timers.tick(500);
    schedule.tryLater();
    mock.timers.tick(1019);
    assert.deepEqual(calls, []);
    mock.timers.tick(1000);
    assert.deepEqual(calls, ["reconcile"]);
  });

  it("checks every minute", () => {
    scheduled().start(() => calls.push("check"));
    mock.timers.tick(60_000);
    mock.timers.tick(60_000);
    assert.deepEqual(calls, ["check", "check"]);
  });

  it("calls nothing after it was closed", () => {
    const schedule = scheduled();
    schedule.start(() => calls.push("check"));
    schedule.onChange();
    schedule.tryLater();
    schedule.close();
    schedule.onChange();
    mock.timers.tick(120_000);
    assert.deepEqual(calls, []);
  });
});
