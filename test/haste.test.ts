// Openings that wait for a moment, in their order, each its own time.
import assert from "node:assert/strict";
import { it } from "node:test";
import { parseAddress } from "../src/address.ts";
import type { DoorState } from "../src/attempts/ears.ts";
import { Haste } from "../src/attempts/haste.ts";

const state = {} as DoorState;
const opening = (ip: string, hash = 1) => ({ state, knocker: parseAddress(ip)!, hash, print: 0, since: 0 });

it("haste lets openings wait for 5 ms, in their order, and none that took 25 ms", () => {
  const haste = new Haste();
  assert.equal(haste.deadline, Number.POSITIVE_INFINITY);
  assert.equal(haste.wait(24, opening("10.77.0.2"), 100), true);
  assert.equal(haste.wait(0, opening("10.77.0.3"), 102), true);
  assert.equal(haste.wait(25, opening("10.77.0.4"), 103), false);
  assert.deepEqual([haste.size, haste.deadline], [2, 105]);
  assert.deepEqual(haste.take(104.9), []);
  assert.deepEqual(
    haste.take(106).map(({ knocker }) => knocker),
    [parseAddress("10.77.0.2")],
  );
  assert.equal(haste.take(1000).length, 1);
  assert.deepEqual([haste.size, haste.deadline], [0, Number.POSITIVE_INFINITY]);
});

it("haste knows whose openings wait, by more than the hash, and drops one", () => {
  const haste = new Haste();
  for (const ip of ["10.77.0.2", "10.77.0.3", "10.77.0.2"]) haste.wait(0, opening(ip), 0);
  const mine = haste.of(1, parseAddress("10.77.0.2")!);
  assert.equal(mine.length, 2);
  assert.deepEqual(haste.of(2, parseAddress("10.77.0.2")!), []);
  haste.drop(mine[0]!);
  assert.equal(haste.size, 2);
});

it("haste lets no more than 4,096 wait", () => {
  const haste = new Haste();
  for (let i = 0; i < 4096; i++) assert.equal(haste.wait(0, opening("10.77.0.2"), 0), true);
  assert.equal(haste.wait(0, opening("10.77.0.2"), 0), false);
});
