// Compares the hash table of open doors with a Map, over generated openings, closings and times.
import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { OpenTimes } from "../src/firewall/open-times.ts";
import { SCENES, SEED } from "./runner/scenes.ts";

const address = (n: number) => ({ w0: n % 3 === 0 ? 0 : 0x20010db8, w1: 0, w2: 0xffff, w3: Math.imul(n, 0x01010101) });
const step = fc.record({
  what: fc.constantFrom("set", "set", "set", "delete", "expire"),
  door: fc.constantFrom("a", "b"),
  client: fc.nat(200),
  time: fc.nat(100),
});

it("holds the same as a Map", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const times = new OpenTimes();
      const plain = new Map<string, number>();
      for (const { what, door, client, time } of steps) {
        const key = `${door} ${client}`;
        if (what === "set") {
          times.set(door, address(client), time);
          plain.set(key, time);
        } else if (what === "delete") {
          times.delete(door, address(client));
          plain.delete(key);
        } else {
          const ended = [...plain].filter(([, until]) => until <= time);
          for (const [one] of ended) plain.delete(one);
          assert.equal(times.expire(time).length, ended.length);
          assert.equal(times.earliest, Math.min(...plain.values()));
        }
        assert.equal(times.size, plain.size);
        assert.equal(times.get(door, address(client)), plain.get(key));
        assert.ok(times.earliest <= Math.min(...plain.values()));
      }
      assert.equal([...times].length, plain.size);
    }),
    { numRuns: SCENES, seed: SEED },
  );
});

it("returns its memory", () => {
  const times = new OpenTimes();
  for (let i = 0; i < 65_536; i++) times.set("a", address(i), i);
  assert.equal(times.size, 65_536);
  assert.equal(times.expire(70_000).length, 65_536);
  assert.equal(times.earliest, Number.POSITIVE_INFINITY);
  times.set("a", address(1), 1);
  assert.deepEqual([...times], [{ door: "a", address: address(1), until: 1 }]);
});
