import assert from "node:assert/strict";
import { test } from "node:test";
import { timeline } from "../../../src/report/render/html/timeline.ts";

const BEGIN = new Date(2026, 10, 24).getTime() / 1000;
const hours = (...attempts: number[]) => attempts.map((n, i) => ({ at: BEGIN + i * 3600, attempts: n }));

test("each hour with attempts has a bar whose height shows their number", () => {
  const text = timeline("hour", hours(10, 0, 5, 20))!.text;
  const bars = [...text.matchAll(/<rect x="(.*?)%" width="20%" y="(.*?)%" height="(.*?)%"><title>(.*?)</g)].map(
    (match) => match.slice(1),
  );
  assert.deepEqual(bars, [
    ["0", "50", "50", "Tue, 24 Nov 2026, 00:00: 10 attempts"],
    ["50", "75", "25", "Tue, 24 Nov 2026, 02:00: 5 attempts"],
    ["75", "0", "100", "Tue, 24 Nov 2026, 03:00: 20 attempts"],
  ]);
  assert.match(text, /aria-label="Attempts per hour, .*: at most 20, Tue, 24 Nov 2026, 03:00\./);
});

test("the scale has a few round numbers, from zero to the highest bar or above", () => {
  for (const most of [1, 2, 3, 9, 17, 1234, 99_999_999]) {
    const text = timeline("hour", hours(most, 0))!.text;
    const lines = [...text.matchAll(/<text x="100%" y="[^"]*">(.*?)</g)].map((match) =>
      Number(match[1]!.replaceAll(",", "")),
    );
    assert.equal(lines[0], 0);
    assert.ok(lines.at(-1)! >= most && lines.length >= 2 && lines.length <= 6, `${most}: ${lines}`);
  }
});

test("there are at most eight labels, which stay inside the drawing", () => {
  for (const n of [2, 24, 25, 72, 73, 300, 744]) {
    const labels = [
      ...timeline("hour", hours(...Array(n).fill(1)))!.text.matchAll(/<text x="(.*?)%" y="1em" text-anchor="(.*?)"/g),
    ];
    assert.ok(labels.length >= 1 && labels.length <= 8, `${n} hours: ${labels.length}`);
    for (const [, x, anchor] of labels) {
      assert.ok(Number(x) >= 6 || anchor === "start");
      assert.ok(Number(x) <= 94 || anchor === "end");
    }
  }
});

test("a single bar is no timeline, and neither are more hours than can be shown", () => {
  assert.equal(timeline("day", hours(1)), undefined);
  assert.equal(timeline("hour", hours(...Array(745).fill(1))), undefined);
  assert.notEqual(timeline("day", hours(...Array(745).fill(1))), undefined);
});
