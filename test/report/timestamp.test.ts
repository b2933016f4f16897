import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Timestamp } from "../../src/report/read/timestamp.ts";

const utc = (...parts: [number, number, number, number?, number?, number?]) => Date.UTC(...parts) / 1000;
const local = (...parts: [number, number, number, number, number, number]) => new Date(...parts).getTime() / 1000;
const NEW_YEAR = local(2027, 0, 2, 8, 0, 0);

function read(line: string, reference = NEW_YEAR): { time: number; rest: string } | undefined {
  const stamp = new Timestamp(reference);
  const at = stamp.read(line);
  return at < 0 ? undefined : { time: stamp.time, rest: line.slice(at) };
}

describe("a timestamp", () => {
  it("may have the form of rsyslog or short-iso, with a time zone", () => {
    const time = utc(2026, 10, 24, 12, 20, 18);
    for (const text of [
      "2026-11-24T12:20:18.845123+00:00",
      "2026-11-24T12:20:18Z",
      "2026-11-24T13:20:18+0100",
      "2026-11-24T06:50:18,5-05:30",
      "2026-11-24 12:20:18+00:00",
      "2026-11-24T12:20:18.84512", // svlogd -ttt
      "2026-11-24_12:20:18.84512", // svlogd -tt
    ]) {
      assert.deepEqual(read(`${text} door kernel: x`), { time, rest: "door kernel: x" }, text);
    }
  });

  it("may have the form of short-unix or of knockd's log file", () => {
    assert.deepEqual(read("1764000000.123456 door x"), { time: 1764000000, rest: "door x" });
    assert.deepEqual(read("[2026-07-06 19:46] x"), { time: local(2026, 6, 6, 19, 46, 0), rest: "x" });
  });

  it("may have the form of logread, short-full or dmesg, without a zone or with the year at another place", () => {
    const time = local(2026, 10, 24, 12, 20, 18);
    for (const text of [
      "2026-11-24T12:20:18",
      "2026-11-24 12:20:18.845",
      "Nov 24 2026 12:20:18",
      "Tue Nov 24 12:20:18 2026",
      "Tue 2026-11-24 12:20:18 CET",
      "Tue 2026-11-24 12:20:18 +01",
      "[Tue Nov 24 12:20:18 2026]",
      "[Tue Nov 24 12:20:18 2026 <    0.000012>]",
    ]) {
      assert.deepEqual(read(`${text} x`), { time, rest: "x" }, text);
    }
    assert.equal(read("Tue 2026-11-24 12:20:18 UTC x")?.time, utc(2026, 10, 24, 12, 20, 18));
    assert.equal(read("Nov 4 2026 12:20:18 x"), undefined);
    for (const text of ["Nov 4 12:20:18", "Nov  4 12:20:18", "Nov 04 12:20:18", "Nov 4 12:20:18.5"])
      assert.deepEqual(read(`${text} x`), { time: local(2026, 10, 4, 12, 20, 18), rest: "x" }, text);
    assert.equal(read("Wed Nov  4 12:20:18 2026 x")?.time, local(2026, 10, 4, 12, 20, 18));
  });

  it("may count from the boot, if the log is younger than that", () => {
    const stamp = new Timestamp(NEW_YEAR, NEW_YEAR - 100);
    for (const text of ["[   12.345678] ", "[   12.345678 <    0.000012>] ", "[   12.345678 <    0.000012*>] "]) {
      assert.equal(stamp.read(`${text}x`), text.length);
      assert.ok(Math.abs(stamp.time - (NEW_YEAR - 100 + 12.345678)) < 0.001, text);
      assert.equal(stamp.form, "boot");
    }
    assert.equal(new Timestamp(NEW_YEAR).read("[   12.345678] x"), -1);
  });

  it("shows that all lines come from the kernel, if only those have its form", () => {
    const form = (line: string) => {
      const stamp = new Timestamp(NEW_YEAR);
      assert.ok(stamp.read(line) > 0, line);
      return stamp.form;
    };
    assert.equal(form("[Tue Nov 24 12:20:18 2026] x"), "dmesg");
    assert.equal(form("2026-11-24T12:20:18,845123+00:00 x"), "dmesg");
    assert.equal(form("2026-11-24T12:20:18.845123+00:00 x"), "line");
    assert.equal(form("Tue Nov 24 12:20:18 2026 x"), "line");
    assert.equal(form("[2026-07-06 19:46] x"), "logfile");
    assert.equal(form("[2026-07-06 19:46:03] x"), "logfile");
  });

  it("without a year belongs to the last year that is not after the log", () => {
    assert.deepEqual(read("Dec 31 23:59:59 door x"), { time: local(2026, 11, 31, 23, 59, 59), rest: "door x" });
    assert.equal(read("Jan  1 00:00:01 door x")?.time, local(2027, 0, 1, 0, 0, 1));
    assert.equal(read("Jan  2 09:30:00.123 door x")?.time, local(2027, 0, 2, 9, 30, 0), "a clock that is ahead");
    assert.equal(read("Jan  4 00:00:00 door x")?.time, local(2026, 0, 4, 0, 0, 0));
    assert.equal(read("Feb 29 12:00:00 door x")?.time, local(2024, 1, 29, 12, 0, 0));
  });

  it("is parsed correctly after one of another hour, day or year", () => {
    const stamp = new Timestamp(NEW_YEAR);
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

  it("that is impossible is rejected", () => {
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
      "2026-11-24T12:20:1",
      "2029-11-24T12:20:18Z door x",
      "1970-01-01T00:00:00Z door x",
      "9999999999.000000 door x",
      "[2026-13-06 19:46] x",
      "[ 1234.567890] x",
      "[Tue Nov 24 12:20 2026] x",
      "[Tus Nov 24 12:20:18 2026] x",
      "Tue Nov 24 12:20:18 door x",
      "Nov 31 2026 12:20:18 x",
      "[  +0.000023] x",
      "[Tue Nov 24 12:20:18 2026 <x>] x",
    ]) {
      assert.equal(read(line), undefined, line);
    }
  });
});
