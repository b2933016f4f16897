// The witness is told of each packet, unless it has enough of those that are like the last one.
import assert from "node:assert/strict";
import { it } from "node:test";
import { Telling } from "../src/attempts/telling.ts";
import { FATE } from "../src/attempts/witness.ts";
import type { Packet } from "../src/net/packet.ts";

it("tells a witness what becomes of a packet, and nobody when there is none", () => {
  const told: number[] = [];
  const witness = { hasEnough: false, saw: (fate: number) => void told.push(fate), hasEnded() {} };
  const say = (telling: Telling, fate: number) => telling.say(fate, undefined, 0, {} as Packet, 1, 0);
  const telling = new Telling(witness);
  telling.begin(false);
  say(telling, FATE.other);
  witness.hasEnough = true;
  telling.begin(true);
  say(telling, FATE.again);
  telling.begin(false);
  say(telling, FATE.later);
  assert.deepEqual([told, telling.isOn], [[FATE.other, FATE.later], true]);
  const nobody = new Telling(undefined);
  nobody.begin(false);
  say(nobody, FATE.other);
  assert.deepEqual([told.length, nobody.isOn], [2, false]);
});
