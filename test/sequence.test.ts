// Tests the text of a sequence: what is valid, what is refused as in 0.8, and what only closes its door.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { formatSequence, parseSequence, type Sequence, SequenceError } from "../src/sequences/sequence.ts";

const error = (text: string): SequenceError => {
  try {
    parseSequence(text);
  } catch (error) {
    assert.ok(error instanceof SequenceError, `${error}`);
    return error;
  }
  return assert.fail(`${text} is a sequence`);
};

describe("a sequence", () => {
  const table: [text: string, same: string][] = [
    ["1", "1:tcp"],
    ["65535", "65535:tcp"],
    ["7000,8000:udp,9000:tcp", "7000:tcp,8000:udp,9000:tcp"],
    ["7000:UDP,8000:Tcp,9000:uDp", "7000:udp,8000:tcp,9000:udp"],
    [" 7000 ,\t8000 : udp , 9000: udp,9001 :udp ", "7000:tcp,8000:udp,9000:udp,9001:udp"],
    ["7000,7000,7000", "7000:tcp,7000:tcp,7000:tcp"],
    ["007000", "7000:tcp"],
    ["7000,9000// my door", "7000:tcp,9000:tcp"],
    ["7000 # first,9000# last", "7000:tcp,9000:tcp"],
    ["7000,9000 # my door", "7000:tcp,9000:tcp"], // 0.8 sees no comment here: it reads the digits and ignores the rest
    ["7000 # a,8000\t# b", "7000:tcp,8000:tcp"],
    ["7000,9000 ; my door", "7000:tcp,9000:tcp"],
    ["7000/tcp,8000:udp,9000/TCP", "7000:tcp,8000:udp,9000:tcp"],
    ["7000:udp,9000:tcp # x: y", "7000:udp,9000:tcp"], // 0.8 refuses it
    ["7000 # a:b,8000", "7000:tcp,8000:tcp"],
    [Array(32).fill("9").join(), Array(32).fill("9:tcp").join()],
  ];
  for (const [text, same] of table) {
    test(`${text} is ${same}`, () => assert.equal(formatSequence(parseSequence(text)), same));
  }

  const blank = fc.constantFrom("", " ", "\t", "  ");
  const knock = fc.record({
    port: fc.integer({ min: 1, max: 65535 }),
    protocol: fc.constantFrom("tcp", "udp", "TCP", "Udp", undefined),
    blanks: fc.tuple(blank, blank, blank, blank),
  });
  test("of any 1 to 32 knocks is parsed back, whatever blanks and capitals it has", () => {
    const written = fc.array(knock, { minLength: 1, maxLength: 32 });
    fc.assert(
      fc.property(written, (knocks) => {
        const text = knocks.map(
          ({ port, protocol, blanks: [a, b, c, d] }) => `${a}${port}${b}${protocol ? `:${c}${protocol}` : ""}${d}`,
        );
        const meant = knocks.map(({ port, protocol = "tcp" }) => ({ port, protocol: protocol.toLowerCase() }));
        const sequence = parseSequence(text.join());
        assert.deepEqual(sequence, meant);
        assert.deepEqual(parseSequence(formatSequence(sequence)), sequence);
      }),
    );
  });
});

describe("a sequence is refused, as in 0.8,", () => {
  const table: [title: string, text: string, message: string][] = [
    ["of more than 32 knocks", Array(33).fill("9").join(), "too many ports in knock sequence"],
    ["of more than 32 empty elements", ",".repeat(32), "too many ports in knock sequence"],
    ["with a port above 65535", "7000,65536", "port 65536 is invalid"],
    ["with a port far above 65535", "99999999999999999999", "port 99999999999999999999 is invalid"],
    ["with a port above 65535 and letters", "65536x", "port 65536x is invalid"],
    ["with another protocol", "7000:sctp", "unknown protocol in knock sequence"],
    ["with an empty protocol", "7000:", "unknown protocol in knock sequence"],
    ["with a protocol and more", "7000:udp mine", "unknown protocol in knock sequence"],
    ["even when nonsense stands before", "x,,0,7000:sctp", "unknown protocol in knock sequence"],
  ];
  for (const [title, text, message] of table) {
    test(title, () => assert.deepEqual({ ...error(text), message: error(text).message }, { refuse: true, message }));
  }
});

describe("a sequence that 0.8 misunderstood does not refuse the rest", () => {
  const texts = ["", " ", ",", "7000,", ",7000", "7000,,8000", "0", "7000,0:udp", "00", "-5", "-65000", "+7000"];
  for (const text of [...texts, "ssh", "0x50", "1e3", "7000x", "7000.5", '"7000"', ":udp", "7000 8000", "7000; 8000"]) {
    test(JSON.stringify(text), () => assert.equal(error(text).refuse, false));
  }
  test("7000:udp:tcp", () => assert.equal(error("7000:udp:tcp").refuse, false));
});

test("any text is a sequence of 1 to 32 knocks with ports from 1 to 65535, or a SequenceError", () => {
  const token = fc.constantFrom(..."1 2 7000 65535 65536 0 - + : , , :tcp :UDP # x \u00a0 ٣".split(" "), " ");
  const text = fc.oneof(
    fc.string({ unit: "binary-ascii" }),
    fc.array(token, { maxLength: 5 }).map((parts) => parts.join("")),
  );
  let sequences = 0;
  const check = (text: string) => {
    let sequence: Sequence;
    try {
      sequence = parseSequence(text);
    } catch (error) {
      assert.ok(error instanceof SequenceError, `${error}`);
      return;
    }
    sequences++;
    assert.ok(sequence.length >= 1 && sequence.length <= 32);
    for (const { port, protocol } of sequence) {
      assert.ok(Number.isInteger(port) && port >= 1 && port <= 65535, `${port}`);
      assert.ok(protocol === "tcp" || protocol === "udp", protocol);
    }
  };
  fc.assert(fc.property(text, check), { numRuns: 3000 });
  assert.ok(sequences > 20, `only ${sequences} were sequences`); // some 100 are
});
