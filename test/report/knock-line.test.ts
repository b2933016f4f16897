import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { KnockLine } from "../../src/report/read/knock-line.ts";

function read(message: string): string {
  const line = new KnockLine();
  if (!line.read(Buffer.from(message).toString("latin1"))) return "no";
  return line.heldBack > 0 ? `${line.heldBack} ${line.what}` : `${line.door} ${line.what}`;
}

describe("a line about a knock", () => {
  it("is parsed to the door and the result", () => {
    assert.equal(read("192.168.1.63: openSSH: Stage 1"), "openSSH begun");
    assert.equal(read("fd77::7: openSSH: Stage 1"), "openSSH begun");
    assert.equal(read("192.168.1.63 (pi.example): a: b: OPEN SESAME"), "a: b opened");
    assert.equal(read("192.168.1.63: Tür: sequence timeout (stage 2)\n"), "Tür failed");
    assert.equal(read("12 similar lines (Stage 1)"), "12 begun");
    assert.equal(read("12 similar lines not logged (Stage 1)"), "12 begun");
    assert.equal(read("1 similar line (sequence timeout)"), "1 failed");
  });

  it("is distinguished from other lines of knockd", () => {
    for (const line of [
      "192.168.1.63: openSSH: Stage 2",
      "192.168.1.63: openSSH: Stage 11",
      "openSSH: running command: /bin/true",
      "openSSH: Stage 1",
      "192.168.1.63: : OPEN SESAME",
      "192.168.1.63: scan: 8 other ports touched, ignored for 60 seconds",
      "3 similar lines (scan)",
      "192.168.1.63: openSSH: command timeout",
      "listening on eth0",
      "",
    ]) {
      assert.equal(read(line), "no", line);
    }
  });

  it("may be any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.constantFrom(": Stage 1", ": OPEN SESAME", ")"), (text, end) => {
        assert.match(read(text + end), /^no$|begun$|opened$|failed$/s);
      }),
    );
  });
});
