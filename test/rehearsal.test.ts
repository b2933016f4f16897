// Tests what knocking one door's sequence opens, for all small sequences, and so which of them a lint may warn of.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Config } from "../src/config/door.ts";
import { parseConfig } from "../src/config/parse.ts";
import { opensWith } from "../src/lint/rehearsal.ts";

const PORTS = [7000, 8000, 9000];
const longer = (sequences: readonly number[][]) => sequences.flatMap((one) => PORTS.map((port) => [...one, port]));
const ONE = longer([[]]);
const SEQUENCES = [...ONE, ...longer(ONE), ...longer(longer(ONE))];

const parsed = (sequences: readonly (readonly (number | string)[])[], more = ""): Config =>
  parseConfig(sequences.map((one, i) => `[${i}]\nsequence = ${one}\n${more}`).join(""), "a file", () => undefined);

describe("the rehearsal", () => {
  it("opens a door with its own sequence, whatever other doors there are", () => {
    const sequence = fc.array(fc.constantFrom(...PORTS, "7000:udp", "8000:udp"), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(sequence, { minLength: 1, maxLength: 5 }), (sequences) => {
        const { doors } = parsed(sequences);
        for (const door of doors) assert.ok(opensWith(door, doors).has(door), `${sequences.join(" | ")}: ${door.name}`);
      }),
    );
  });

  it("opens another door whose sequence is the same or a prefix, after repeated first knocks", () => {
    for (const a of SEQUENCES) {
      for (const b of SEQUENCES) {
        const { doors } = parsed([a, b]);
        const repeats = b.findIndex((port) => port !== b[0]);
        const shorter = repeats > 1 ? b.slice(repeats - 1) : b;
        const begins = [b, shorter].some((one) => `${one},`.startsWith(`${a},`));
        assert.equal(opensWith(doors[1]!, doors).has(doors[0]!), begins, `${a} when ${b} is knocked`);
      }
    }
  });

  it("is finished within the door's timeout, and uses its flags", () => {
    const sequence = Array.from({ length: 32 }, (_, i) => 7000 + i);
    for (const more of ["seq_timeout = 1\n", "tcpflags = fin,!syn\n", "strict = yes\n"]) {
      const { doors } = parsed([sequence], more);
      assert.ok(opensWith(doors[0]!, doors).has(doors[0]!), more);
    }
  });
});
