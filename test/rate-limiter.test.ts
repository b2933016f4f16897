import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { KnockEvent } from "../src/events/knock-event.ts";
import { RateLimiter } from "../src/log/rate-limiter.ts";
import { type Address, parseAddress } from "../src/net/address.ts";
import { doorRefOf } from "./door.ts";

const door = (knocks: number, seqTimeout = 5) => doorRefOf({ name: "door", knocks, seqTimeout });
const DOOR = door(3);
const ONE_KNOCK = door(1);
const forged = (n: number): Address => ({ ...parseAddress("10.0.0.0")!, w3: 0x0a00_0000 + n });
const me = parseAddress("192.168.1.63")!;

const stage = (knocker: Address, stage = 1, at = DOOR): KnockEvent => ({ type: "stage", door: at, knocker, stage });
const timeout = (knocker: Address): KnockEvent => ({ type: "timeout", door: DOOR, knocker, stage: 1 });
const open = (knocker: Address): KnockEvent => ({ type: "open", door: DOOR, knocker });

/** That many events at one time, each from another client. Returns how many were logged. */
function siege(
  limit: RateLimiter,
  count: number,
  now: number,
  event: (knocker: Address) => KnockEvent = stage,
): number {
  let told = 0;
  for (let i = 0; i < count; i++) if (limit.decide(event(forged(i)), now) === "tell") told++;
  return told;
}

describe("the rate limit of the log", () => {
  it("changes nothing up to a hundred lines per second", () => {
    const limit = new RateLimiter();
    for (let second = 0; second < 5; second++) {
      assert.equal(siege(limit, 100, second * 1000), 100);
      assert.equal(siege(limit, 100, second * 1000, timeout), 100);
    }
    assert.equal(limit.due, Number.POSITIVE_INFINITY);
    for (const now of [10_000, Number.POSITIVE_INFINITY]) assert.deepEqual(limit.summaries(now), []);
  });

  it("holds back more, and reports their number once, when the second is over", () => {
    const limit = new RateLimiter();
    assert.equal(siege(limit, 5000, 10), 100);
    assert.equal(siege(limit, 5000, 1009), 0);
    assert.equal(limit.due, 1010);
    assert.deepEqual(limit.summaries(1009), []);
    assert.deepEqual(limit.summaries(1010), [{ count: 9900, kind: "Stage 1" }]);
    assert.deepEqual([limit.due, limit.summaries(1010)], [Number.POSITIVE_INFINITY, []]);
    assert.equal(siege(limit, 101, 1010), 100);
    assert.deepEqual(limit.summaries(Number.POSITIVE_INFINITY), [{ count: 1, kind: "Stage 1" }]);
  });

  it("has a separate budget for timeouts", () => {
    const limit = new RateLimiter();
    siege(limit, 150, 0);
    assert.equal(siege(limit, 120, 400, timeout), 100);
    assert.equal(limit.due, 1000);
    assert.deepEqual(limit.summaries(1000), [{ count: 50, kind: "Stage 1" }]);
    assert.equal(limit.due, 1400);
    assert.deepEqual(limit.summaries(1400), [{ count: 20, kind: "sequence timeout" }]);
  });

  it("never holds back later stages, openings, or Stage 1 of a door with one knock", () => {
    const limit = new RateLimiter();
    siege(limit, 200, 0);
    assert.equal(
      siege(limit, 500, 0, (knocker) => stage(knocker, 3)),
      500,
    );
    assert.equal(siege(limit, 500, 0, open), 500);
    assert.equal(
      siege(limit, 500, 0, (knocker) => stage(knocker, 1, ONE_KNOCK)),
      500,
    );
  });

  it("logs a held-back Stage 1 when its Stage 2 arrives, and no Stage 1 twice", () => {
    const limit = new RateLimiter();
    const early = parseAddress("192.168.1.1")!;
    const verdicts = [limit.decide(stage(early), 0)];
    siege(limit, 200, 0);
    verdicts.push(limit.decide(stage(me), 1));
    for (const who of [early, me]) for (const n of [2, 3]) verdicts.push(limit.decide(stage(who, n), 2));
    assert.deepEqual(verdicts, ["tell", "hold", "tell", "tell", "tell with Stage 1", "tell"]);
  });

  it("also does so if an earlier attempt's Stage 1 was logged, or if its second is over", () => {
    const limit = new RateLimiter();
    limit.decide(stage(me), 0);
    siege(limit, 200, 2000);
    limit.decide(timeout(me), 5000);
    siege(limit, 200, 6000);
    assert.equal(limit.decide(stage(me), 6000), "hold");
    limit.summaries(7000);
    assert.equal(limit.decide(stage(me, 2), 11_000), "tell with Stage 1");
  });

  it("assumes that a forgotten source was logged, if nothing was held back during its attempt", () => {
    const limit = new RateLimiter();
    const patient = door(2, 1_000_000);
    limit.decide(stage(me, 1, patient), 0);
    for (let i = 0; i < 70_000; i++) assert.equal(limit.decide(stage(forged(i)), i * 20), "tell");
    assert.equal(limit.decide(stage(me, 2, patient), 1_400_000), "tell");
  });
});
