import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseTime } from "../../src/report/time-argument.ts";

const NOW = new Date(2026, 10, 24, 12, 20, 18).getTime();
const local = (...parts: [number, number, number, number?, number?, number?]) =>
  new Date(parts[0], parts[1], parts[2], parts[3] ?? 0, parts[4] ?? 0, parts[5] ?? 0).getTime() / 1000;

describe("a time argument", () => {
  it("is a date, with or without time and zone", () => {
    assert.equal(parseTime("2026-11-20", NOW), local(2026, 10, 20));
    assert.equal(parseTime("2026-11-20 07:30", NOW), local(2026, 10, 20, 7, 30));
    assert.equal(parseTime("2026-11-20T07:30:15", NOW), local(2026, 10, 20, 7, 30, 15));
    assert.equal(parseTime("2026-11-20T07:30:15Z", NOW), Date.UTC(2026, 10, 20, 7, 30, 15) / 1000);
    assert.equal(parseTime("2026-11-20T07:30:15+05:30", NOW), Date.UTC(2026, 10, 20, 2, 0, 15) / 1000);
  });

  it("may be a duration before now", () => {
    assert.equal(parseTime("now", NOW), NOW / 1000);
    assert.equal(parseTime("today", NOW), local(2026, 10, 24));
    assert.equal(parseTime("yesterday", NOW), local(2026, 10, 23));
    assert.equal(parseTime("2 days ago", NOW), local(2026, 10, 22, 12, 20, 18));
    assert.equal(parseTime("1 week ago", NOW), local(2026, 10, 17, 12, 20, 18));
    assert.equal(parseTime("3 months ago", NOW), local(2026, 7, 24, 12, 20, 18));
    assert.equal(parseTime("90 minutes ago", NOW), NOW / 1000 - 5400);
    assert.equal(parseTime("6h ago", NOW), NOW / 1000 - 21_600);
    assert.equal(parseTime("10s ago", NOW), NOW / 1000 - 10);
  });

  it("is rejected in any other form", () => {
    for (const text of [
      "",
      "soon",
      "2026-02-30",
      "2026-13-01",
      "2026-11-20 25:00",
      "2 parsecs ago",
      "2 constructors ago",
      "ago",
      "-1 days ago",
    ]) {
      assert.equal(parseTime(text, NOW), undefined, text);
    }
  });
});
