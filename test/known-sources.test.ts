// Tests the records of known sources: 48 entries each, for 512 sources, four per bucket.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KnownSources } from "../src/history/known-sources.ts";
import { parseAddress } from "../src/net/address.ts";

const address = (n: number) => parseAddress(`10.77.${n >> 8}.${n & 255}`)!;
/** Sources that are all in one bucket. */
const inOneBucket = (n: number) => 5 + 128 * n;

describe("known sources", () => {
  it("are found by their hash, each with its own entries, the oldest first", () => {
    const acquaintances = new KnownSources();
    for (const n of [1, 2]) {
      assert.equal(acquaintances.find(inOneBucket(n)), -1);
      const place = acquaintances.allocate(inOneBucket(n), address(n));
      for (let i = 0; i < 100; i++) acquaintances.write(place, n, 7000 + i, i, 2 * i);
      assert.equal(acquaintances.find(inOneBucket(n)), place);
    }
    for (const n of [1, 2]) {
      const entries = acquaintances.of(address(n));
      assert.deepEqual(
        entries.map(({ at }) => at),
        Array.from({ length: 48 }, (_, i) => 52 + i),
      );
      assert.deepEqual(entries.at(-1), { at: 99, what: n, knock: 7099, detail: 198, times: 1 });
    }
    assert.deepEqual(acquaintances.of(address(3)), []);
  });

  it("count repeated verdicts", () => {
    const acquaintances = new KnownSources();
    const place = acquaintances.allocate(7, address(1));
    for (let i = 0; i < 1000; i++) acquaintances.write(place, 1, 7000, i, 0);
    acquaintances.write(place, 1, 7001, 2000, 0);
    assert.deepEqual(
      acquaintances.of(address(1)).map(({ at, times }) => [at, times]),
      [
        [999, 1000],
        [2000, 1],
      ],
    );
  });

  it("are replaced, when a fifth joins a bucket, by the one that was idle longest", () => {
    const acquaintances = new KnownSources();
    for (let n = 0; n < 4; n++) {
      acquaintances.write(acquaintances.allocate(inOneBucket(n), address(n)), 1, 7000, 10 - n, 0);
    }
    acquaintances.write(acquaintances.find(inOneBucket(3)), 1, 7000, 20, 0);
    acquaintances.write(acquaintances.allocate(inOneBucket(4), address(4)), 1, 7000, 21, 0);
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((n) => acquaintances.of(address(n)).length),
      [1, 1, 0, 1, 1],
    );
    assert.equal(acquaintances.find(inOneBucket(2)), -1);
    assert.deepEqual(acquaintances.last(), { source: address(4), at: 21 });
  });

  it("are none at the start", () => {
    const acquaintances = new KnownSources();
    assert.equal(acquaintances.last(), undefined);
    assert.equal(acquaintances.find(0), -1);
  });
});
