import assert from "node:assert/strict";
import { test } from "node:test";
import { DoorCooldowns } from "../src/attempts/door-cooldowns.ts";
import { DEFAULT_POLICY, type Policy } from "../src/config/door.ts";
import { doorOf } from "./door.ts";

const doorWith = (name: string, policy: Partial<Policy>) => ({
  door: doorOf({ name, policy: { ...DEFAULT_POLICY, ...policy } }),
});

test("a door waits for its own Cooldown, and not for that of another door", () => {
  const cooldowns = new DoorCooldowns();
  const [wake, other] = [doorWith("wake", { cooldown: 60 }), doorWith("other", { cooldown: 60 })];
  assert.equal(cooldowns.remaining(wake, 0), 0);
  cooldowns.begin(wake, 1000);
  assert.equal(cooldowns.remaining(wake, 1000), 60_000);
  assert.equal(cooldowns.remaining(wake, 60_999), 1);
  assert.equal(cooldowns.remaining(other, 2000), 0);
  assert.equal(cooldowns.remaining(wake, 61_000), 0);
});

test("it is stored by the door's name, which survives a reload", () => {
  const cooldowns = new DoorCooldowns();
  cooldowns.begin(doorWith("wake", { cooldown: 60 }), 0);
  assert.equal(cooldowns.remaining(doorWith("wake", { cooldown: 60 }), 1000), 59_000);
});

test("a Cooldown that a reload made shorter, longer or removed counts with its new value", () => {
  const cooldowns = new DoorCooldowns();
  cooldowns.begin(doorWith("wake", { cooldown: 86_400 }), 0);
  assert.equal(cooldowns.remaining(doorWith("wake", { cooldown: 60 }), 1000), 59_000);
  assert.equal(cooldowns.remaining(doorWith("wake", { cooldown: 90 }), 1000), 89_000);
  assert.equal(cooldowns.remaining(doorWith("wake", {}), 1000), 0);
});

test("of two doors with one name, the one with no Cooldown, or a shorter one, does not end that of the other", () => {
  const cooldowns = new DoorCooldowns();
  const [long, short, none] = [
    doorWith("wake", { cooldown: 60 }),
    doorWith("wake", { cooldown: 5 }),
    doorWith("wake", {}),
  ];
  cooldowns.begin(long, 0);
  assert.equal(cooldowns.remaining(none, 10_000), 0);
  assert.equal(cooldowns.remaining(short, 10_000), 0);
  assert.equal(cooldowns.remaining(long, 10_000), 50_000);
});

test("Seq_Cooldown applies to everyone only with scope door; the longer of the two counts", () => {
  const after = (policy: Partial<Policy>) => {
    const cooldowns = new DoorCooldowns();
    cooldowns.begin(doorWith("a", policy), 0);
    return cooldowns.remaining(doorWith("a", policy), 0);
  };
  assert.equal(after({ seqCooldown: 5 }), 0);
  assert.equal(after({ seqCooldown: 5, seqCooldownScope: "door" }), 5000);
  assert.equal(after({ seqCooldown: 5, seqCooldownScope: "door", cooldown: 9 }), 9000);
});
