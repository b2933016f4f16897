// What a door tells: the same object as long as the knocker's and the door's are the same, and never another's.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EventCache } from "../src/attempts/event-cache.ts";
import { parseConfig } from "../src/config/parse.ts";
import { parseAddress } from "../src/net/address.ts";

const door = (text: string) => parseConfig(text, "knockd.conf", () => undefined).doors[0]!;
const before = door("[ssh]\nsequence = 1,2,3\n");
const after = door("[ssh]\nsequence = 1,2,3\ncommand = true\n"); // the same after a reload
const [anna, ben] = [parseAddress("10.77.0.1")!, parseAddress("10.77.0.2")!];

const told = (events: EventCache) => (one: typeof before, knocker: typeof anna) => [
  events.stage(one, knocker, 1),
  events.stage(one, knocker, 2),
  events.opening(one, knocker, 3),
];

const words = (one: typeof before, knocker: typeof anna) => [
  [{ type: "stage", door: one, knocker, stage: 1 }],
  [{ type: "stage", door: one, knocker, stage: 2 }],
  [
    { type: "stage", door: one, knocker, stage: 3 },
    { type: "open", door: one, knocker },
  ],
];

describe("the events of a door", () => {
  it("are each knocker's and each door's own, in whatever order they come", () => {
    const tell = told(new EventCache());
    for (const [one, knocker] of [
      [before, anna],
      [before, ben],
      [before, anna],
      [after, anna],
      [after, ben],
      [before, ben],
    ] as const) {
      const events = tell(one, knocker);
      assert.deepEqual(events, words(one, knocker));
      for (const event of events.flat()) assert.ok(event.knocker === knocker && event.door === one);
    }
  });

  it("are made once while one knocker's come one after the other", () => {
    const tell = told(new EventCache());
    const first = tell(before, anna);
    for (const [i, events] of tell(before, anna).entries()) assert.equal(events, first[i]);
    const again = tell(before, { ...anna }); // an equal address is not the same object: made anew
    for (const [i, events] of again.entries()) assert.notEqual(events, first[i]);
    assert.deepEqual(again, first);
  });
});
