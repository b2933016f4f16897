import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AttemptPool } from "../src/attempts/attempt-pool.ts";
import { DoorIndex } from "../src/attempts/door-index.ts";
import { Expiry } from "../src/attempts/expiry.ts";
import { parseConfig } from "../src/config/parse.ts";
import { knockKey } from "../src/net/knock-key.ts";
import { TCP, UDP } from "../src/net/packet.ts";

const resolvedDoors = (config: string) =>
  parseConfig(config, "", () => undefined).doors.map((door) => ({ door, targets: undefined }));
const newEars = () => new DoorIndex(new Expiry(new AttemptPool(4)));
const A = "[a]\nsequence = 7000,8000:udp,7000\ntcpflags = syn\n";
const B = "[b]\nsequence = 7000,9000\ntcpflags = syn\n";

describe("the door index", () => {
  it("leads from a knock to the doors that begin with it, and to the rules that a packet must match", () => {
    const ears = newEars();
    ears.set(resolvedDoors(A + B));
    const names = (key: number) => ears.entry(key)?.firsts.map((state) => state.door.name);
    assert.deepEqual(names(knockKey(TCP, 7000)), ["a", "b"]);
    assert.deepEqual(names(knockKey(UDP, 8000)), []);
    assert.equal(names(knockKey(TCP, 8000)), undefined);
    assert.equal(names(knockKey(UDP, 7000)), undefined);
    assert.equal(ears.entry(knockKey(TCP, 7000))!.rules.length, 1, "doors that ask the same share it");
  });

  it("keeps the state of a door that did not change, even of two equal doors, and takes new commands", () => {
    const ears = newEars();
    ears.set(resolvedDoors(A + A + B));
    const before = ears.entry(knockKey(TCP, 7000))!.firsts;
    assert.equal(new Set(before).size, 3);
    ears.set(resolvedDoors(`${B}command = new\n${A}${A}`));
    const after = ears.entry(knockKey(TCP, 7000))!.firsts;
    assert.deepEqual([...after], [before[2], before[0], before[1]]);
    assert.equal(after[0]!.door.startCommand, "new");
    assert.deepEqual(
      after.map((state) => state.order),
      [0, 1, 2],
    );
  });

  it("gives each door an id that never leads to a later door", () => {
    const ears = newEars();
    const ref = (at = 0) => ears.entry(knockKey(TCP, 7000))!.firsts[at]!.ref;
    ears.set(resolvedDoors(A + A));
    const [one, two] = [ref(0), ref(1)];
    assert.deepEqual(one, { id: one.id, name: "a", knocks: 3, seqTimeout: 25 });
    assert.notEqual(one.id, two.id);
    ears.set(resolvedDoors(`${A}command = new\n`));
    assert.equal(ref(), one);
    assert.equal(ears.doorOf(one.id).startCommand, "new");
    ears.set(resolvedDoors(B));
    assert.ok(![one.id, two.id].includes(ref().id));
  });

  for (const [what, text] of [
    ["sequence", A.replace("7000", "7001")],
    ["flags", A.replace("syn", "fin")],
    ["timeout", `${A}seq_timeout = 3\n`],
    ["name", A.replace("[a]", "[x]")],
  ] as const) {
    it(`removes a door whose ${what} changed`, () => {
      const ears = newEars();
      ears.set(resolvedDoors(A));
      const state = ears.entry(knockKey(TCP, 7000))!.firsts[0]!;
      ears.set(resolvedDoors(text));
      assert.equal(state.retired, true);
    });
  }

  it("reuses a number only when no attempt refers to it", () => {
    const ears = newEars();
    ears.set(resolvedDoors(A));
    const held = ears.entry(knockKey(TCP, 7000))!.firsts[0]!;
    held.live = 1;
    ears.set(resolvedDoors(B));
    assert.equal(ears.door(held.number), held);
    assert.notEqual(ears.entry(knockKey(TCP, 7000))!.firsts[0]!.number, held.number);
    held.live = 0;
    ears.set(resolvedDoors(B));
    ears.set(resolvedDoors(B + A));
    assert.equal(ears.entry(knockKey(TCP, 7000))!.firsts[1]!.number, held.number);
  });
});
