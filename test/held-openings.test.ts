// Tests openings that are held for a moment: for how long, in which order, and how many.
import assert from "node:assert/strict";
import { it } from "node:test";
import type { DoorState } from "../src/attempts/door-state.ts";
import { HeldOpenings } from "../src/attempts/held-openings.ts";
import { StrayPorts } from "../src/attempts/stray-ports.ts";
import type { Accepted } from "../src/events/code-decision.ts";
import { parseAddress } from "../src/net/address.ts";

const state = {} as DoorState;
const wait = (held: HeldOpenings, ip: string, hash: number, now: number) =>
  held.hold({ state, knocker: parseAddress(ip)!, hash, strays: new StrayPorts(1) }, now);

it("holds fast openings for 5 ms, in their order, but none that took 25 ms", () => {
  const held = new HeldOpenings();
  assert.equal(held.deadline, Number.POSITIVE_INFINITY);
  assert.deepEqual([held.shouldHold(24, 1, state), held.shouldHold(25, 1, state)], [true, false]);
  wait(held, "10.77.0.2", 1, 100);
  wait(held, "10.77.0.3", 2, 102);
  assert.deepEqual([held.size, held.deadline], [2, 105]);
  assert.deepEqual(held.release(104.9), []);
  assert.deepEqual(
    held.release(106).map(({ knocker }) => knocker),
    [parseAddress("10.77.0.2")],
  );
  assert.equal(held.release(1000).length, 1);
  assert.deepEqual([held.size, held.deadline], [0, Number.POSITIVE_INFINITY]);
});

it("holds what is read late for its whole time, a code too", () => {
  const held = new HeldOpenings();
  const accepted = { client: "phone", result: "accepted", holdMs: 250 } as unknown as Accepted;
  held.lateBy = 30;
  wait(held, "10.77.0.2", 1, 100);
  assert.equal(held.deadline, 135);
  held.release(135);
  held.holdCode({ state, knocker: parseAddress("10.77.0.2")!, hash: 1, strays: new StrayPorts(1), accepted }, 100);
  assert.equal(held.deadline, 380);
});

it("finds the held openings of a client, even if hashes collide, and drops one", () => {
  const held = new HeldOpenings();
  for (const ip of ["10.77.0.2", "10.77.0.3", "10.77.0.2"]) wait(held, ip, 1, 0);
  const mine = held.heldFor(1, parseAddress("10.77.0.2")!);
  assert.equal(mine.length, 2);
  assert.deepEqual(held.heldFor(2, parseAddress("10.77.0.2")!), []);
  held.drop(mine[0]!);
  assert.equal(held.size, 2);
});

it("holds one opening per client and door, and at most 256 in all", () => {
  const held = new HeldOpenings();
  wait(held, "10.77.0.2", 0, 0);
  assert.deepEqual([held.shouldHold(0, 0, state), held.shouldHold(0, 0, {} as DoorState)], [false, true]);
  for (let hash = 1; hash < 256; hash++) {
    assert.equal(held.shouldHold(0, hash, state), true);
    wait(held, "10.77.0.2", hash, 0);
  }
  assert.equal(held.shouldHold(0, 256, state), false);
});
