// Tests when a door counts as another one after a reload, and why.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConfig } from "../src/config/parse.ts";
import { DoorChanges } from "../src/history/door-changes.ts";
import { parseSequence } from "../src/sequences/sequence.ts";

const doors = (config: string, oneTime = "1,2") => parseConfig(config, "", () => parseSequence(oneTime)).doors;
const A = "[a]\nsequence = 7000,8000\n";
const ONCE = "[once]\none_time_sequences = /file\n";

describe("changes of doors", () => {
  it("are exactly those that end live attempts", () => {
    const changes = new DoorChanges();
    changes.setDoors(doors(`${A}[b]\nsequence = 1\n`), 1);
    assert.equal(changes.last("a"), undefined, "a new door is no change");
    changes.setDoors(doors(`${A}command = other\nStrict = yes\n`), 2);
    assert.equal(changes.last("a"), undefined);
    assert.deepEqual(changes.last("b"), { at: 2, why: "changed" });
    assert.equal(changes.door("a")?.startCommand, "other");
    changes.setDoors(doors(A.replace("8000", "8001")), 3);
    assert.deepEqual(changes.last("a"), { at: 3, why: "changed" });
    changes.setDoors(doors(`${A.replace("8000", "8001")}seq_timeout = 3\n`), 4);
    assert.deepEqual(changes.last("a"), { at: 4, why: "changed" });
  });

  it("to a one-time door count as its use, unless more of it has changed", () => {
    const changes = new DoorChanges();
    changes.setDoors(doors(ONCE, "1,2"), 1);
    changes.setDoors(doors(ONCE, "3,4"), 2);
    assert.deepEqual(changes.last("once"), { at: 2, why: "used" });
    changes.setDoors(doors(`${ONCE}seq_timeout = 3\n`, "5,6"), 3);
    assert.deepEqual(changes.last("once"), { at: 3, why: "changed" });
    changes.setDoors([], 4);
    assert.deepEqual(changes.last("once"), { at: 4, why: "used" }, "it was the last one");
  });

  it("are remembered for the last 1,024 doors", () => {
    const changes = new DoorChanges();
    for (let i = 0; i < 3000; i++) changes.setDoors(doors(`[d${i}]\nsequence = 1\n`), i);
    assert.equal(changes.last("d0"), undefined);
    assert.equal(changes.last("d1974"), undefined);
    assert.deepEqual(changes.last("d1975"), { at: 1976, why: "changed" });
    assert.deepEqual(changes.last("d2998"), { at: 2999, why: "changed" });
  });
});
