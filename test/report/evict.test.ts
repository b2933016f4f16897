import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { evictSmallest } from "../../src/report/count/evict.ts";

describe("the sources with the fewest attempts", () => {
  it("are dropped, the oldest first among equals", () => {
    const map = new Map([5, 1, 3, 1, 2000, 3, 9000].map((attempts, i) => [i, { attempts }]));
    const gone: number[] = [];
    evictSmallest(map, 4, (key) => gone.push(key));
    assert.deepEqual(gone, [1, 2, 3]);
    assert.deepEqual([...map.keys()], [0, 4, 5, 6]);
  });

  it("are never larger than those that stay", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1000 })), fc.nat(20), (all, leave) => {
        const map = new Map(all.map((attempts, i) => [i, { attempts }]));
        let most = 0;
        let gone = 0;
        evictSmallest(map, leave, (_, { attempts }) => {
          most = Math.max(most, attempts);
          gone++;
        });
        assert.equal(map.size, Math.min(all.length, leave));
        assert.equal(gone, all.length - map.size);
        assert.ok([...map.values()].every(({ attempts }) => attempts >= most));
      }),
    );
  });
});
