import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HalfSipHash } from "../src/attempts/siphash.ts";

/** The longest chain when addresses are put into as many chains. */
function longest(hash: HalfSipHash, count: number, address: (n: number) => [number, number, number, number]): number {
  const chains = new Uint8Array(count);
  for (let n = 0; n < count; n++) {
    const [w0, w1, w2, w3] = address(n);
    const chain = hash.of({ w0, w1, w2, w3 }) & (count - 1);
    chains[chain]! += 1;
  }
  return Math.max(...chains);
}

describe("address hash", () => {
  const COUNT = 65_536;
  const patterns: [string, (n: number) => [number, number, number, number]][] = [
    ["IPv4 in a row", (n) => [0, 0, 0xffff, 0x0a000000 + n]],
    ["IPv4 that differ in the high bits", (n) => [0, 0, 0xffff, n << 16]],
    ["IPv6 of one /64", (n) => [0xfd770000, 0, n * 0x10001, n]],
    ["IPv6 of many /48", (n) => [0x20010000 + n, 0, 0, 1]],
    ["words that cancel out under exclusive or", (n) => [n, n, n, n]],
  ];
  for (const [name, address] of patterns) {
    it(`distributes addresses evenly: ${name}`, () => {
      for (const key of [
        [1, 2],
        [0, 0],
        [-5, 0x7fffffff],
      ] as [number, number][]) {
        const most = longest(new HalfSipHash(key), COUNT, address);
        assert.ok(most <= 12, `a chain of ${most}; chance makes 8 or 9`);
      }
    });
  }

  // Of the reference implementation, https://github.com/veorq/SipHash, compiled with cROUNDS=1 and dROUNDS=3. With its own
  // rounds, 2 and 4, the same build gives the published vectors.
  for (const [what, key, words, hash] of [
    ["the bytes 0 to 15", [0x03020100, 0x07060504], [0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c], 0x8b31d501],
    ["192.168.1.63", [0x03020100, 0x07060504], [0, 0, 0xffff, 0xc0a8013f], 0xd3ed593f],
    ["fd77::2", [0xdeadbeef, 0x80000001], [0xfd770000, 0, 0, 2], 0x18ebd427],
  ] as const) {
    it(`is HalfSipHash-1-3: ${what}`, () => {
      const [w0, w1, w2, w3] = words.map((word) => word | 0);
      assert.equal(new HalfSipHash(key).of({ w0: w0!, w1: w1!, w2: w2!, w3: w3! }) >>> 0, hash);
    });
  }

  it("depends on the key: without it, an attacker cannot choose the place", () => {
    const [one, two] = [new HalfSipHash([1, 2]), new HalfSipHash([1, 3])];
    let same = 0;
    for (let n = 0; n < 10_000; n++) {
      const address = { w0: 0, w1: 0, w2: 0xffff, w3: n };
      if ((one.of(address) & 0xff) === (two.of(address) & 0xff)) same++;
    }
    assert.ok(same > 10 && same < 100, `${same} of 10,000 in the same of 256 chains; chance makes 39`);
  });
});
