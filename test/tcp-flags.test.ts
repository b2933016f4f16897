// Tests what a list of TCPFlags means, for every combination of flags that a segment can have.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ANY_FLAGS, addTcpFlags, flagsMatch, type TcpFlags } from "../src/net/tcp-flags.ts";

// RFC 9293 3.1, written again by hand: CWR and ECE are the two bits above.
const BITS: Record<string, number> = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 };
const ALL_BYTES = Array.from({ length: 256 }, (_, byte) => byte);

describe("a list of flags", () => {
  const flag = fc.tuple(fc.constantFrom("", "!"), fc.constantFrom(...Object.keys(BITS)), fc.boolean(), fc.boolean());
  const list = fc.array(flag, { minLength: 1, maxLength: 8 });
  const written = (flags: [string, string, boolean, boolean][]) =>
    flags.map(([not, name, upper, blank]) => `${blank ? " " : ""}${not}${upper ? name.toUpperCase() : name}`).join();

  test("matches a segment with all of them, and none of those after a !; other flags do not matter", () => {
    fc.assert(
      fc.property(list, list, (first, second) => {
        const flags = addTcpFlags(addTcpFlags(ANY_FLAGS, written(first)), written(second));
        const wish = new Map([...first, ...second].map(([not, name]) => [name, not === ""]));
        for (const byte of ALL_BYTES) {
          const matches = [...wish].every(([name, set]) => ((byte & BITS[name]!) !== 0) === set);
          assert.equal(flagsMatch(flags, byte), matches, `${written(first)} and ${written(second)}: ${byte}`);
        }
      }),
    );
  });

  test("that is empty matches any segment", () => {
    for (const byte of ALL_BYTES) assert.ok(flagsMatch(ANY_FLAGS, byte));
  });

  const table: [lists: string[], flags: TcpFlags][] = [
    [["syn"], { set: 2, clear: 0 }],
    [["syn,!ack"], { set: 2, clear: 16 }],
    [["FIN,Syn,rst,pSH,ack,urg"], { set: 63, clear: 0 }],
    [["!fin", "!syn,!rst", "!psh,!ack,!urg"], { set: 0, clear: 63 }],
    [["syn, ack"], { set: 18, clear: 0 }], // 0.8 refuses the space
    [[" syn ,\t!ack "], { set: 2, clear: 16 }],
    [["syn,!syn"], { set: 0, clear: 2 }], // of two that contradict each other, 0.8 uses the last
    [["!syn", "syn"], { set: 2, clear: 0 }],
  ];
  for (const [lists, flags] of table) {
    test(`${lists.join(" and then ")} adds up to ${JSON.stringify(flags)}`, () =>
      assert.deepEqual(lists.reduce(addTcpFlags, ANY_FLAGS), flags));
  }

  const unknown = [
    ["", ""],
    ["syn,", ""],
    ["syn,,ack", ""],
    ["foo", "FOO"],
    ["syn # x", "SYN # X"],
    ["!", "!"],
    ["syn ack", "SYN ACK"],
  ];
  for (const [text, flag] of [
    ...unknown,
    ["!!syn", "!!SYN"],
    ["! syn", "! SYN"],
    ["ece", "ECE"],
    ["constructor", "CONSTRUCTOR"],
  ]) {
    test(`${JSON.stringify(text)} is refused with 0.8's message`, () =>
      assert.throws(() => addTcpFlags(ANY_FLAGS, text!), new Error(`unrecognized flag "${flag}"`)));
  }
});
