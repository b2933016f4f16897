// Tests lists of events: a door's cached events (event-cache.ts) stay unchanged, and long lists are not copied for each
// door.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Attempts } from "../src/attempts/attempts.ts";
import { append, NOTHING } from "../src/attempts/event-list.ts";
import { parseConfig } from "../src/config/parse.ts";
import type { KnockEvent } from "../src/events/knock-event.ts";
import { parseAddress } from "../src/net/address.ts";
import { doorRefOf } from "./door.ts";
import { toPacket } from "./story.ts";

const knocker = parseAddress("10.77.0.2")!;
const doorsOf = (config: string) => parseConfig(config, "knockd.conf", () => undefined).doors;
const door = doorRefOf({ name: "a", knocks: 2 });
const stage = (n: number): readonly KnockEvent[] => [{ type: "stage", door, knocker, stage: n }];

describe("events of one packet", () => {
  it("are in order, and those of a door are never changed", () => {
    const [one, two] = [stage(1), [...stage(2), ...stage(3)]];
    assert.equal(append(NOTHING, one), one);
    assert.deepEqual(append(two, one), [...two, ...one]);
    assert.deepEqual(append(append(one, two), two), [...one, ...two, ...two]);
    assert.deepEqual([NOTHING.length, one.length, two.length], [0, 1, 2]);
  });

  it("are not copied for each door that adds one", () => {
    const long = append(stage(1), [...stage(2), ...stage(3)]);
    assert.equal(append(long, stage(4)), long);
  });

  it("appear once for each of many doors, packet after packet", () => {
    const names = Array.from({ length: 50 }, (_, i) => `door${i}`);
    const config = names.map((name) => `[${name}]\nsequence = 7000\ntcpflags = syn\n`).join("");
    const attempts = new Attempts({ isOurs: () => true, isStray: () => false, hashKey: [1, 2], capacity: 64 });
    attempts.setDoors(doorsOf(config).map((one) => ({ door: one, targets: undefined })));
    const told = names.flatMap((name) => [`stage ${name}`, `open ${name}`]);
    for (let n = 0; n < 3; n++) {
      const packet = {
        from: "10.77.0.2",
        to: "10.77.0.1",
        protocol: "tcp",
        flags: ["syn"],
        sourcePort: 20_000 + n,
      } as const;
      const events = attempts.knock(toPacket({ ...packet, port: 7000, seq: n }), 10 * n);
      assert.deepEqual(
        events.map((event) => `${event.type} ${"door" in event ? event.door.name : ""}`),
        told,
      );
    }
  });
});
