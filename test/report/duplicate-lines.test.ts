import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DuplicateLines } from "../../src/report/read/duplicate-lines.ts";
import { Prefixes } from "../../src/report/read/prefixes.ts";

describe("a packet that two rules log", () => {
  const prefixes = new Prefixes({ prefixes: [], notPrefixes: [] });
  const twice = () => {
    const one = new DuplicateLines();
    return (prefix: string, fields: string, time: number) => {
      const message = `${prefix}${fields}`;
      return one.has(prefixes.of(message, prefix.length), { source: 1, begin: prefix.length }, message, time);
    };
  };

  it("counts once if only prefix and mark differ, within a second", () => {
    const has = twice();
    assert.equal(has("a ", "IN=eth0 ID=1 ", 10), false);
    assert.equal(has("b ", "IN=eth0 ID=1 MARK=0x1 ", 10), true);
    assert.equal(has("b ", "IN=eth0 ID=2 ", 10), false);
    assert.equal(has("c ", "IN=eth0 ID=1 ", 12), false);
  });

  it("counts again if the same rule logs it again", () => {
    const has = twice();
    for (let i = 0; i < 3; i++) assert.equal(has("a ", "IN=eth0 ID=1 ", 10), false);
  });

  it("is recognised among lines about other packets, up to a limit", () => {
    const has = twice();
    has("a ", "IN=eth0 ID=0 ", 10);
    for (let i = 1; i < 10; i++) has("a ", `IN=eth0 ID=${i} `, 10);
    assert.equal(has("b ", "IN=eth0 ID=0 ", 10), true);
    for (let i = 10; i < 30; i++) has("a ", `IN=eth0 ID=${i} `, 10);
    assert.equal(has("b ", "IN=eth0 ID=0 ", 10), false);
  });
});
