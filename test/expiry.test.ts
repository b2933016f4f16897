import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AttemptPool, NONE } from "../src/attempts/attempt-pool.ts";
import { Expiry, type TimeoutQueue } from "../src/attempts/expiry.ts";
import { parseAddress } from "../src/net/address.ts";

const source = parseAddress("10.77.0.2")!;

class Pool {
  readonly slots = new AttemptPool(64);
  readonly expiry = new Expiry(this.slots);

  begin(term: TimeoutQueue, now: number): number {
    const slot = this.slots.add(0, source, 0, 0, now, term.fresh);
    this.expiry.begun(term, now);
    return slot;
  }

  drain(now: number, term: (slot: number) => TimeoutQueue, most = 100): number[] {
    const ended: number[] = [];
    this.expiry.drain(now, most, (slot) => {
      this.slots.remove(slot, 0, this.expiry.queue(slot, term(slot)));
      ended.push(slot);
    });
    return ended;
  }
}

describe("expiry", () => {
  it("has an infinite deadline when nothing waits, and an exact one after draining", () => {
    const pool = new Pool();
    const term = pool.expiry.queueFor(5);
    assert.equal(pool.expiry.deadline, Number.POSITIVE_INFINITY);
    const [first, second] = [pool.begin(term, 1000), pool.begin(term, 1500)];
    assert.equal(pool.expiry.deadline, 6000);
    assert.deepEqual(
      pool.drain(5999, () => term),
      [],
    );
    assert.deepEqual(
      pool.drain(6000, () => term),
      [first],
    );
    assert.equal(pool.expiry.deadline, 6500);
    assert.deepEqual(
      pool.drain(7000, () => term),
      [second],
    );
    assert.equal(pool.expiry.deadline, Number.POSITIVE_INFINITY);
  });

  it("has one queue for all doors with the same timeout, and drops an unused queue", () => {
    const pool = new Pool();
    const five = pool.expiry.queueFor(5);
    assert.equal(pool.expiry.queueFor(5), five);
    const six = pool.expiry.queueFor(6);
    pool.begin(six, 0);
    pool.expiry.prune(new Set());
    assert.equal(pool.expiry.queueFor(6), six);
    assert.notEqual(pool.expiry.queueFor(5), five);
  });

  it("treats a timeout longer than any timer as the longest possible", () => {
    assert.equal(new Pool().expiry.queueFor(1e12).milliseconds, 0x7fffffff);
  });

  it("drops the oldest attempt of the first stage over all timeouts, and the others still expire in order", () => {
    const pool = new Pool();
    const [short, long] = [pool.expiry.queueFor(5), pool.expiry.queueFor(50)];
    const terms = new Map<number, TimeoutQueue>();
    const slots = [long, short, long, short].map((term, i) => {
      const slot = pool.begin(term, i * 100);
      terms.set(slot, term);
      return slot;
    });
    pool.slots.advance(slots[0]!, 1);
    pool.slots.advance(slots[1]!, 1);
    assert.equal(pool.expiry.evictionCandidate(1000), slots[2]);
    pool.slots.remove(slots[2]!, 0, pool.expiry.queue(slots[2]!, long));
    assert.equal(pool.expiry.evictionCandidate(1000), slots[3]);
    pool.slots.remove(slots[3]!, 0, pool.expiry.queue(slots[3]!, short));
    assert.equal(pool.expiry.evictionCandidate(1000), slots[0], "the oldest of all");
    assert.deepEqual(pool.drain(60_000, (slot) => terms.get(slot)!).sort(), [slots[0]!, slots[1]!].sort());
    assert.equal(pool.expiry.evictionCandidate(60_000), NONE);
  });

  it("returns attempts in batches, and stays due while more are waiting", () => {
    const pool = new Pool();
    const term = pool.expiry.queueFor(1);
    for (let i = 0; i < 5; i++) pool.begin(term, 0);
    assert.equal(pool.drain(2000, () => term, 3).length, 3);
    assert.ok(pool.expiry.deadline <= 2000);
    assert.equal(pool.drain(2000, () => term, 3).length, 2);
  });
});
