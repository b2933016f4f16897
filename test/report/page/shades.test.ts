import assert from "node:assert/strict";
import { test } from "node:test";
import { round, shades } from "../../../src/report/render/html/shades.ts";

const labels = (most: number) => shades(most).from.map((_, i) => shades(most).label(i + 1));

test("few attempts have few shades, many have five", () => {
  assert.deepEqual(labels(1), ["1"]);
  assert.deepEqual(labels(3), ["1", "2 and more"]);
  assert.deepEqual(labels(60), ["1", "2 – 4", "5 – 9", "10 – 19", "20 and more"]);
  assert.deepEqual(labels(12_052), ["1 – 4", "5 – 49", "50 – 199", "200 – 1,999", "2,000 and more"]);
});

test("each number of attempts has the one shade whose label includes it", () => {
  for (const most of [1, 2, 3, 7, 10, 99, 1000, 12_052, 10_000_000]) {
    const scale = shades(most);
    assert.equal(scale.of(0), 0);
    assert.equal(scale.of(1), 1);
    assert.equal(scale.of(most), scale.from.length, `${most} is in the darkest`);
    scale.from.forEach((edge, i) => {
      assert.equal(scale.of(edge), i + 1);
      if (edge > 1) assert.equal(scale.of(edge - 1), i);
    });
  }
});

test("round numbers are 1, 2 and 5 times a power of ten", () => {
  assert.deepEqual([1, 1.6, 3, 4, 8, 10, 17, 300, 999].map(round), [1, 2, 2, 5, 10, 10, 20, 200, 1000]);
});
