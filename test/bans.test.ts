// Tests that a ban lasts for Ban_Time, and that the banned source has one more try.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Bans } from "../src/attempts/bans.ts";
import type { DoorState } from "../src/attempts/door-state.ts";
import { DEFAULT_POLICY } from "../src/config/door.ts";
import { doorOf } from "./door.ts";

const SOURCE = 77;
const stateOf = (pauseId: number) =>
  ({ pauseId, door: doorOf({ policy: { ...DEFAULT_POLICY, banTime: 2 } }) }) as unknown as DoorState;
const state = stateOf(1);
const banned = () => {
  const bans = new Bans();
  bans.add(SOURCE, state, 1000);
  return bans;
};

describe("a ban", () => {
  it("lasts Ban_Time seconds, for one source and one door", () => {
    const bans = banned();
    assert.deepEqual([bans.isActive(SOURCE, state, 2999), bans.isActive(SOURCE, state, 3000)], [true, false]);
    assert.deepEqual([bans.remaining(SOURCE, state, 2000), bans.remaining(SOURCE, state, 4000)], [1000, 0]);
    assert.deepEqual([bans.isActive(78, state, 2000), bans.isActive(SOURCE, stateOf(2), 2000)], [false, false]);
  });

  it("allows its source one more try before it ends", () => {
    const bans = banned();
    assert.equal(bans.mayTryAgain(SOURCE, state, 1500), true);
    bans.tryAgain(SOURCE, state, 1500);
    assert.deepEqual([bans.mayTryAgain(SOURCE, state, 2999), bans.mayTryAgain(SOURCE, state, 3000)], [false, true]);
  });

  it("allows no further try once a failed try has extended it", () => {
    const bans = banned();
    bans.tryAgain(SOURCE, state, 1500);
    bans.add(SOURCE, state, 2500, true);
    assert.deepEqual([bans.remaining(SOURCE, state, 2500), bans.mayTryAgain(SOURCE, state, 4499)], [2000, false]);
  });

  it("ends when the source knocks correctly, and so does the record of its try", () => {
    const bans = banned();
    bans.tryAgain(SOURCE, state, 1500);
    bans.lift(SOURCE, state, 1600);
    assert.deepEqual([bans.isActive(SOURCE, state, 1600), bans.mayTryAgain(SOURCE, state, 1600)], [false, true]);
  });
});
