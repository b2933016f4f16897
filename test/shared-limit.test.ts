// Tests a limit that doors share.
import assert from "node:assert/strict";
import { it } from "node:test";
import { SharedLimit } from "../src/runner/shared-limit.ts";

function fill(room: SharedLimit, door: string): number {
  while (room.hasFor(door)) room.add(door);
  return room.of(door);
}

it("a door may take seven eighths of the space, and then others little, and never more than there is", () => {
  const room = new SharedLimit(1024);
  assert.equal(fill(room, "a"), 896);
  for (let i = 0; i < 8; i++) assert.equal(fill(room, `door ${i}`), 16);
  assert.equal(fill(room, "late"), 0);
  assert.equal(room.total, 1024);
});

it("a door may take again what it has returned", () => {
  const room = new SharedLimit(64);
  assert.equal(fill(room, "a"), 56);
  assert.equal(fill(room, "b"), 1);
  room.remove("b");
  assert.deepEqual([room.of("b"), room.hasFor("a"), room.hasFor("b")], [0, false, true]);
  for (let i = 0; i < 10; i++) room.remove("a");
  assert.equal(fill(room, "b"), 10);
});
