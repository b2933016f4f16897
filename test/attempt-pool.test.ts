// Compares the pool of attempts with the simplest possible one: a list.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { AttemptPool, NONE, type Queue } from "../src/attempts/attempt-pool.ts";
import { type Address, formatAddress, parseAddress } from "../src/net/address.ts";
import { clear } from "../src/platform/memory.ts";

const newQueue = (): Queue => ({ head: NONE, tail: NONE });
// Many sources with the same hash, so that every chain holds several.
const addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd77::1", "fd77::2", "fd77::a00:1", "::a00:1"].map(
  (text) => parseAddress(text)!,
);
const hashOf = (address: Address) => address.w3 & 1;

function slotsOf(slots: AttemptPool, address: Address): number[] {
  const found: number[] = [];
  const hash = hashOf(address);
  for (let slot = slots.find(hash, address); slot !== NONE; slot = slots.findNext(slot, address)) found.push(slot);
  return found;
}

describe("the pool of attempts", () => {
  it("finds each attempt of a source and no other, after any additions and removals", () => {
    const step = fc.record({
      address: fc.nat(addresses.length - 1),
      door: fc.nat(9),
      remove: fc.boolean(),
      pick: fc.nat(99),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const slots = new AttemptPool(16);
        const queue = newQueue();
        let model: { slot: number; address: Address; door: number }[] = [];
        steps.forEach(({ address: index, door, remove, pick }, now) => {
          const gone = model[pick % Math.max(model.length, 1)];
          if (remove && gone) {
            slots.remove(gone.slot, hashOf(gone.address), queue);
            model = model.filter((one) => one !== gone);
          } else if (slots.live < slots.capacity) {
            const address = addresses[index]!;
            const slot = slots.add(hashOf(address), address, door, now + 1, now, queue);
            model.push({ slot, address, door });
          }
          for (const address of addresses) {
            const expected = model.filter((one) => one.address === address).map((one) => one.slot);
            assert.deepEqual(slotsOf(slots, address).sort(), expected.sort(), formatAddress(address));
          }
          assert.equal(slots.live, model.length);
          for (const { slot, address, door: its } of model) {
            assert.deepEqual(slots.source(slot), address);
            assert.equal(slots.door(slot), its);
            assert.equal(slots.stage(slot), 1);
          }
        });
        // The queue is ordered by the attempts' beginnings.
        const order: number[] = [];
        while (queue.head !== NONE) {
          order.push(queue.head);
          slots.remove(queue.head, hashOf(slots.source(queue.head)), queue);
        }
        assert.deepEqual(
          order,
          model.map((one) => one.slot),
        );
        assert.deepEqual(queue, newQueue());
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it("keeps stage, fingerprint, family and mark apart, up to the last stage and the highest door", () => {
    const slots = new AttemptPool(4);
    const address = parseAddress("fd77::1")!;
    const slot = slots.add(7, address, 0xffffff, 0xffffffff, 5, newQueue());
    for (let stage = 1; stage < 32; stage++) {
      assert.equal(slots.stage(slot), stage);
      slots.advance(slot, stage);
      assert.equal(slots.fingerprint(slot), stage);
    }
    assert.equal(slots.isSpared(slot), false);
    slots.spare(slot);
    assert.deepEqual([slots.isSpared(slot), slots.stage(slot), slots.door(slot)], [true, 32, 0xffffff]);
    assert.deepEqual(slots.source(slot), address);
  });

  it("computes ages across an overflow of 32 bits, and 0 if the clock went back", () => {
    const slots = new AttemptPool(4);
    const slot = slots.add(0, addresses[0]!, 0, 0, 2 ** 32 - 10, newQueue());
    assert.equal(slots.age(slot, 2 ** 32 + 20), 30);
    assert.equal(slots.age(slot, 2 ** 32 - 20), 0);
  });

  it("touches no memory before it is used", () => {
    // A pool of 48 MB that holds ten attempts uses only a few pages, as the process's memory shows.
    const before = process.memoryUsage().rss;
    const pools = Array.from({ length: 8 }, () => new AttemptPool(1 << 20));
    for (const pool of pools) for (let n = 0; n < 10; n++) pool.add(n, addresses[0]!, 0, 0, 0, newQueue());
    const grown = process.memoryUsage().rss - before;
    assert.ok(grown < 16 << 20, `8 nearly empty pools take ${grown} bytes`);
  });

  for (const [how, by] of [
    ["plainly", undefined],
    ["by the addon", clear],
  ] as const) {
    it(`finds attempts that begin after a flood: cleared ${how}`, () => {
      const slots = new AttemptPool(1 << 15, by);
      const queue = newQueue();
      const source = (n: number): Address => ({ w0: 0, w1: 0, w2: 0xffff, w3: n });
      for (let flood = 0; flood < 2; flood++) {
        for (let n = 0; n < 1 << 15; n++) slots.add(n, source(n), n, n, 7, queue);
        while (queue.head !== NONE) slots.remove(queue.head, slots.source(queue.head).w3, queue);
        assert.equal(slots.live, 0);
        for (let n = 0; n < 1 << 15; n++) assert.equal(slots.find(n, source(n)), NONE);
      }
    });
  }

  it("returns its memory to the system immediately after a flood", () => {
    const slots = new AttemptPool(1 << 20, clear);
    const queue = newQueue();
    const add = (n: number) => slots.add(n, { w0: n, w1: n, w2: n, w3: n }, 0, 0, 0, queue);
    const before = process.memoryUsage().rss;
    for (let n = 0; n < 1 << 20; n++) add(n);
    const full = process.memoryUsage().rss;
    while (queue.head !== NONE) slots.remove(queue.head, slots.source(queue.head).w3, queue);
    const after = process.memoryUsage().rss;
    assert.ok(full - before > 32 << 20, `a million take ${full - before} bytes`);
    assert.ok(after < full - (32 << 20), `${before} bytes, then ${full}, and now ${after}`);
  });

  it("is cleared when it is idle, if it was used and is empty", () => {
    const cleared: number[] = [];
    const slots = new AttemptPool(64, (buffers) => {
      cleared.push(buffers.length);
      clear(buffers);
    });
    const queue = newQueue();
    const source = { w0: 0, w1: 0, w2: 0xffff, w3: 5 };
    const rest = () => {
      slots.trim();
      return cleared.length;
    };
    assert.equal(rest(), 0);
    const slot = slots.add(5, source, 0, 0, 0, queue);
    assert.equal(rest(), 0);
    assert.equal(slots.find(5, source), slot);
    slots.remove(slot, 5, queue);
    assert.equal(rest(), 1);
    assert.equal(rest(), 1);
    assert.deepEqual(cleared, [9], "all arrays that IPv4 needs");
    assert.equal(slots.find(5, source), NONE);
    const next = slots.add(5, source, 0, 0, 0, queue);
    assert.equal(slots.find(5, source), next);
    const other = slots.add(6, { w0: 1, w1: 2, w2: 3, w3: 4 }, 0, 0, 0, queue);
    slots.strays.begin(other, 64, false);
    slots.strays.record(other, 5, 64);
    slots.guesses.begin(other);
    slots.remove(next, 5, queue);
    slots.remove(other, 6, queue);
    assert.equal(rest(), 2);
    assert.deepEqual(cleared, [9, 14], "and those of IPv6, strays and codes");
    slots.strays.begin(other, 64, false);
    assert.equal(slots.strays.count(other), 0);
  });
});
