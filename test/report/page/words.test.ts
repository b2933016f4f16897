import assert from "node:assert/strict";
import { test } from "node:test";
import { count, counted, date, day, machineTime, moment, share, year } from "../../../src/report/render/html/words.ts";

test("numbers", () => {
  assert.equal(count(1_234_567), "1,234,567");
  assert.equal(counted(1, "attempt"), "1 attempt");
  assert.equal(counted(2000, "address", "addresses"), "2,000 addresses");
  assert.deepEqual([share(1, 3), share(1, 100_000), share(0, 5), share(0, 0)], ["33.3 %", "< 0.1 %", "0.0 %", "0.0 %"]);
});

test("times are local, and UTC where machines read them", () => {
  const at = new Date(2026, 10, 24, 14, 5, 6).getTime() / 1000;
  assert.equal(moment(at), "24 November 2026, 14:05");
  assert.equal(year(at), "2026");
  assert.equal(day(at), "24 Nov");
  assert.equal(date(at), "Tue, 24 Nov 2026");
  assert.equal(machineTime(at), new Date(at * 1000).toISOString().replace(".000", ""));
});
