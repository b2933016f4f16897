// Tests that slots, queues and doors stay consistent. With all rules, against the reference: attempts.test.ts.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AttemptTable } from "../src/attempts/attempt-table.ts";
import type { DoorState } from "../src/attempts/door-state.ts";
import { parseConfig } from "../src/config/parse.ts";
import { type Address, parseAddress } from "../src/net/address.ts";
import { currentOf } from "./current.ts";

const source = parseAddress("10.0.0.1")!;
const other = parseAddress("10.0.0.2")!;

function knockersAt(doors: number, capacity = 64): { knockers: AttemptTable; states: DoorState[] } {
  const sections = Array.from({ length: doors }, (_, i) => `[door${i}]\nsequence = 7000,${8000 + i}\n`);
  const config = parseConfig(sections.join(""), "knockd.conf", () => undefined);
  const knockers = new AttemptTable([1, 2], capacity, undefined);
  knockers.doors.set(config.doors.map((door) => ({ door, targets: undefined })));
  return { knockers, states: Array.from({ length: doors }, (_, number) => knockers.doors.door(number)) };
}

/** Its source makes the first knock. */
const begin = (knockers: AttemptTable, state: DoorState, address: Address, now: number) =>
  knockers.begin(state, currentOf(address, { hash: knockers.hash(address), print: 1, now }));

/** The doors at which a source has attempts. */
function doorsOf(knockers: AttemptTable, address = source): string[] {
  const count = knockers.collect(address, knockers.hash(address));
  return [...knockers.collected.subarray(0, count)].map((slot) => knockers.state(slot).door.name);
}

describe("the attempt table", () => {
  it("returns a source's attempts in the order of the doors, for any number and order of attempts", () => {
    const { knockers, states } = knockersAt(40);
    for (const state of [...states].reverse()) begin(knockers, state, source, 0);
    assert.deepEqual(
      doorsOf(knockers),
      states.map(({ door }) => door.name),
    );
    assert.deepEqual(doorsOf(knockers, other), []);
  });

  it("frees the attempts of removed doors when it meets them", () => {
    const { knockers, states } = knockersAt(3);
    for (const state of states) begin(knockers, state, source, 0);
    states[1]!.retired = true;
    assert.deepEqual(doorsOf(knockers), ["door0", "door2"]);
    assert.deepEqual([knockers.pool.live, states[1]!.live], [2, 0]);
  });

  it("makes room by dropping the oldest attempt in its first stage, even of another source", () => {
    const { knockers, states } = knockersAt(1, 2);
    begin(knockers, states[0]!, source, 0);
    begin(knockers, states[0]!, other, 1);
    knockers.pool.advance(knockers.pool.find(knockers.hash(source), source), 2);
    const third = parseAddress("fd77::3")!;
    begin(knockers, states[0]!, third, 2);
    assert.deepEqual(
      [doorsOf(knockers), doorsOf(knockers, other), doorsOf(knockers, third)],
      [["door0"], [], ["door0"]],
    );
    assert.deepEqual([knockers.pool.live, states[0]!.live], [2, 2]);
  });
});
