// Tests the reuse of a door's event objects: the same object for the same client, and never another client's.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EventCache } from "../src/attempts/event-cache.ts";
import { parseAddress } from "../src/net/address.ts";
import { doorRefOf } from "./door.ts";

const door = doorRefOf();
const [anna, ben] = [parseAddress("10.77.0.1")!, parseAddress("10.77.0.2")!];

const told = (events: EventCache) => (knocker: typeof anna) => [
  events.stage(knocker, 1),
  events.stage(knocker, 2),
  events.opening(knocker, 3),
];

const expected = (knocker: typeof anna) => [
  [{ type: "stage", door, knocker, stage: 1 }],
  [{ type: "stage", door, knocker, stage: 2 }],
  [
    { type: "stage", door, knocker, stage: 3 },
    { type: "open", door, knocker },
  ],
];

describe("the events of a door", () => {
  it("are separate for each client, in any order", () => {
    const tell = told(new EventCache(door));
    for (const knocker of [anna, ben, anna, anna, ben]) {
      const events = tell(knocker);
      assert.deepEqual(events, expected(knocker));
      for (const event of events.flat()) assert.ok(event.knocker === knocker);
    }
  });

  it("are made once for consecutive events of the same client", () => {
    const tell = told(new EventCache(door));
    const first = tell(anna);
    for (const [i, events] of tell(anna).entries()) assert.equal(events, first[i]);
    const again = tell({ ...anna }); // an equal address is not the same object, so it is created again
    for (const [i, events] of again.entries()) assert.notEqual(events, first[i]);
    assert.deepEqual(again, first);
  });

  it("are plain values that survive JSON", () => {
    const events = told(new EventCache(door))(anna);
    assert.deepEqual(JSON.parse(JSON.stringify(events)), events);
  });
});
