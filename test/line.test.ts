// The line in which openings wait: in order, so many at once, and with an end.
import assert from "node:assert/strict";
import { it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Line, Tally } from "../src/doors/line.ts";

it("a line lets 64 begin at once, and the others in their order as those end", async () => {
  const line = new Line();
  const begun: number[] = [];
  for (let i = 0; i < 70; i++) {
    const mine = line.turn();
    if (mine === undefined) begun.push(i);
    else void mine.then(() => begun.push(i));
  }
  assert.deepEqual(begun, [...Array(64).keys()]);
  line.done();
  line.done();
  await turn();
  assert.deepEqual(begun, [...Array(66).keys()]);
});

it("a line merges who waits already, when it is long, and refuses all when it is very long", () => {
  const line = new Line();
  const joined = (key: string) => line.join(key);
  for (let i = 0; i < 1023; i++) assert.equal(joined("often"), "waits");
  assert.equal(joined("a"), "waits");
  assert.equal(joined("a"), "merged");
  for (let i = 1024; i < 16_384; i++) assert.equal(joined(`${i}`), "waits");
  assert.equal(joined("b"), "refused");
  assert.equal(joined("a"), "merged");
  assert.equal(line.length, 16_384);
  line.leave("a");
  assert.equal(joined("a"), "waits");
});

it("a tally is told at once, and then at most once a second", () => {
  const told: number[] = [];
  const tally = new Tally();
  for (const at of [5, 5, 5.9, 6, 6.5, 100]) tally.add(at, (count) => told.push(count));
  assert.deepEqual(told, [1, 3, 2]);
});
