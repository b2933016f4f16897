import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { days, hours, leftOutOfTimeline, QUARTER_S } from "../../src/report/count/timeline.ts";

const quarters = (...at: Date[]) => new Map(at.map((date, i) => [date.getTime() / 1000 / QUARTER_S, i + 1]));
const local = (day: number, hour: number, minute = 0) => new Date(2026, 10, day, hour, minute);
const seconds = (date: Date) => date.getTime() / 1000;

describe("the timeline", () => {
  it("has every hour and day from the first to the last", () => {
    const all = quarters(local(1, 22, 15), local(1, 22, 45), local(2, 1));
    assert.deepEqual(hours(all), [
      { at: seconds(local(1, 22)), attempts: 3 },
      { at: seconds(local(1, 23)), attempts: 0 },
      { at: seconds(local(2, 0)), attempts: 0 },
      { at: seconds(local(2, 1)), attempts: 3 },
    ]);
    assert.deepEqual(days(all), [
      { at: seconds(local(1, 0)), attempts: 3 },
      { at: seconds(local(2, 0)), attempts: 3 },
    ]);
    assert.deepEqual(leftOutOfTimeline(all), []);
  });

  it("of years shows only the latest", () => {
    const all = quarters(new Date(2003, 0, 1), local(2, 1));
    assert.equal(hours(all).length, 744);
    assert.deepEqual(hours(all).at(-1), { at: seconds(local(2, 1)), attempts: 2 });
    assert.equal(days(all).length, 1100);
    assert.deepEqual(leftOutOfTimeline(all), [
      "Attempts per hour are listed for the last 744 hours only.",
      "Attempts per day are listed for the last 1100 days only.",
    ]);
  });

  it("of an empty log is empty", () => {
    assert.deepEqual([hours(new Map()), days(new Map()), leftOutOfTimeline(new Map())], [[], [], []]);
  });

  it("has days of 23 and 25 hours at clock changes, and hours that begin at the half hour in some zones", () => {
    const module = JSON.stringify(new URL("../../src/report/count/timeline.js", import.meta.url).href);
    const count = (zone: string, from: string, to: string) => {
      const script = `
        import { days, hours } from ${module};
        const all = new Map([${JSON.stringify(from)}, ${JSON.stringify(to)}].map((at) => [Date.parse(at) / 900_000, 1]));
        console.log(JSON.stringify([hours(all).length, days(all).length, new Date(hours(all)[0].at * 1000).toISOString()]));`;
      const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
        env: { ...process.env, TZ: zone },
        encoding: "utf8",
      });
      assert.equal(stderr, "");
      return JSON.parse(stdout);
    };
    assert.deepEqual(count("Europe/Berlin", "2026-03-28T23:00Z", "2026-03-29T21:00Z"), [
      23,
      1,
      "2026-03-28T23:00:00.000Z",
    ]);
    assert.deepEqual(count("Europe/Berlin", "2026-10-24T22:00Z", "2026-10-25T22:00Z"), [
      25,
      1,
      "2026-10-24T22:00:00.000Z",
    ]);
    assert.deepEqual(count("Australia/Lord_Howe", "2026-04-04T13:00Z", "2026-04-05T12:15Z"), [
      24,
      1,
      "2026-04-04T13:00:00.000Z",
    ]);
    assert.deepEqual(count("Asia/Kolkata", "2026-11-01T00:15Z", "2026-11-01T18:15Z"), [
      19,
      1,
      "2026-10-31T23:30:00.000Z",
    ]);
  });
});
