// Openings that wait for a moment, in their order, each its own time.
import assert from "node:assert/strict";
import { it } from "node:test";
import type { DoorState } from "../src/attempts/door-state.ts";
import { HeldOpenings } from "../src/attempts/held-openings.ts";
import { StrayPorts } from "../src/attempts/stray-ports.ts";
import { parseAddress } from "../src/net/address.ts";

const state = {} as DoorState;
const wait = (haste: HeldOpenings, ip: string, hash: number, now: number) =>
  haste.hold({ state, knocker: parseAddress(ip)!, hash, strays: new StrayPorts(1) }, now);

it("holds fast openings for 5 ms, in their order, but none that took 25 ms", () => {
  const haste = new HeldOpenings();
  assert.equal(haste.deadline, Number.POSITIVE_INFINITY);
  assert.deepEqual([haste.shouldHold(24, 1, state), haste.shouldHold(25, 1, state)], [true, false]);
  wait(haste, "10.77.0.2", 1, 100);
  wait(haste, "10.77.0.3", 2, 102);
  assert.deepEqual([haste.size, haste.deadline], [2, 105]);
  assert.deepEqual(haste.release(104.9), []);
  assert.deepEqual(
    haste.release(106).map(({ knocker }) => knocker),
    [parseAddress("10.77.0.2")],
  );
  assert.equal(haste.release(1000).length, 1);
  assert.deepEqual([haste.size, haste.deadline], [0, Number.POSITIVE_INFINITY]);
});

it("finds the held openings of a client, even if hashes collide, and drops one", () => {
  const haste = new HeldOpenings();
  for (const ip of ["10.77.0.2", "10.77.0.3", "10.77.0.2"]) wait(haste, ip, 1, 0);
  const mine = haste.heldFor(1, parseAddress("10.77.0.2")!);
  assert.equal(mine.length, 2);
  assert.deepEqual(haste.heldFor(2, parseAddress("10.77.0.2")!), []);
  haste.drop(mine[0]!);
  assert.equal(haste.size, 2);
});

it("holds one opening per client and door, and at most 256 in all", () => {
  const haste = new HeldOpenings();
  wait(haste, "10.77.0.2", 0, 0);
  assert.deepEqual([haste.shouldHold(0, 0, state), haste.shouldHold(0, 0, {} as DoorState)], [false, true]);
  for (let hash = 1; hash < 256; hash++) {
    assert.equal(haste.shouldHold(0, hash, state), true);
    wait(haste, "10.77.0.2", hash, 0);
  }
  assert.equal(haste.shouldHold(0, 256, state), false);
});
