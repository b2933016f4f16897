import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Stamp } from "../../src/report/stamp.ts";

const utc = (...parts: [number, number, number, number?, number?, number?]) => Date.UTC(...parts) / 1000;
const local = (...parts: [number, number, number, number, number, number]) => new Date(...parts).getTime() / 1000;
const NEW_YEAR = local(2027, 0, 2, 8, 0, 0);

function read(line: string, reference = NEW_YEAR): { time: number; rest: string } | undefined {
  const stamp = new Stamp(reference);
  const at = stamp.read(line);
  return at < 0 ? undefined : { time: stamp.time, rest: line.slice(at) };
}

describe("a stamp", () => {
  it("is rsyslog's, or short-iso's, in its own zone", () => {
    const time = utc(2026, 10, 24, 12, 20, 18);
    for (const text of [
      "2026-11-24T12:20:18.845123+00:00",
      "2026-11-24T12:20:18Z",
      "2026-11-24T13:20:18+0100",
      "2026-11-24T06:50:18,5-05:30",
      "2026-11-24 12:20:18+00:00",
    ]) {
      assert.deepEqual(read(`${text} door kernel: x`), { time, rest: "door kernel: x" }, text);
    }
  });

  it("is short-unix's, or that of knockd's log file", () => {
    assert.deepEqual(read("1764000000.123456 door x"), { time: 1764000000, rest: "door x" });
    assert.deepEqual(read("[2026-07-06 19:46] x"), { time: local(2026, 6, 6, 19, 46, 0), rest: "x" });
  });

  it("without a year is of the last one that is not after the log's", () => {
    assert.deepEqual(read("Dec 31 23:59:59 door x"), { time: local(2026, 11, 31, 23, 59, 59), rest: "door x" });
    assert.equal(read("Jan  1 00:00:01 door x")?.time, local(2027, 0, 1, 0, 0, 1));
    assert.equal(read("Jan  2 09:30:00.123 door x")?.time, local(2027, 0, 2, 9, 30, 0), "a clock that is ahead");
    assert.equal(read("Jan  4 00:00:00 door x")?.time, local(2026, 0, 4, 0, 0, 0));
    assert.equal(read("Feb 29 12:00:00 door x")?.time, local(2024, 1, 29, 12, 0, 0));
  });

  it("is as right for the next line, of another hour, day or year", () => {
    const stamp = new Stamp(NEW_YEAR);
    const times = ["Dec 31 23:59:58 ", "Dec 31 23:59:59 ", "Jan  1 00:00:00 ", "Dec 31 22:00:00 "].map((line) => {
      assert.equal(stamp.read(line), 16);
      return stamp.time;
    });
    assert.deepEqual(times, [
      local(2026, 11, 31, 23, 59, 58),
      local(2026, 11, 31, 23, 59, 59),
      local(2027, 0, 1, 0, 0, 0),
      local(2026, 11, 31, 22, 0, 0),
    ]);
  });

  it("that can't be right is none", () => {
    for (const line of [
      "",
      "x",
      "Nov 24 12:20:18",
      "Nov 24 12:20 door x",
      "Nov 31 12:20:18 door x",
      "Nov 24 24:20:18 door x",
      "Nov 24 12:60:18 door x",
      "ovD 24 12:20:18 door x",
      "2026-13-24T12:20:18Z door x",
      "2026-02-30T12:20:18Z door x",
      "2026-11-24T12:20:18 door x",
      "2026-11-24T12:20:1",
      "2029-11-24T12:20:18Z door x",
      "1970-01-01T00:00:00Z door x",
      "9999999999.000000 door x",
      "[2026-13-06 19:46] x",
      "[ 1234.567890] x",
    ]) {
      assert.equal(read(line), undefined, line);
    }
  });
});
