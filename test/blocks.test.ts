import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chooseBlocks } from "../src/codes/blocks.ts";

const anything = { isFree: () => true, isNamed: () => false };
const code = { kind: "code", digits: 6, ...anything } as const;

describe("the blocks of a new client", () => {
  it("for a code are three hundreds of four digits, apart from each other and in no order", () => {
    for (let round = 0; round < 200; round++) {
      const blocks = chooseBlocks(code)!;
      assert.equal(blocks.length, 3);
      for (const first of blocks) assert.ok(first >= 1100 && first <= 9900 && first % 100 === 0, `${blocks}`);
      const sorted = [...blocks].sort((a, b) => a - b);
      assert.ok(sorted[1]! - sorted[0]! >= 300 && sorted[2]! - sorted[1]! >= 300, `${blocks}`);
      assert.notDeepEqual(blocks, sorted);
      assert.notDeepEqual(blocks, sorted.reverse());
    }
  });

  it("for eight digits and for a list are four", () => {
    assert.equal(chooseBlocks({ ...code, digits: 8 })!.length, 4);
    assert.equal(chooseBlocks({ ...code, kind: "list", digits: 8 })!.length, 4);
  });

  it("for a key are five, of 1,024 ports that a browser can use", () => {
    for (let round = 0; round < 50; round++) {
      const blocks = chooseBlocks({ kind: "key", digits: 0, ...anything })!;
      assert.equal(new Set(blocks).size, 5);
      for (const first of blocks) {
        assert.ok(first % 1024 === 0 && first >= 7168 && first <= 28_672 && first !== 9216, `${blocks}`);
      }
    }
  });

  it("leave out ports that are used, named services, and ports that browsers refuse", () => {
    const isUsed = (port: number) => port >= 1200 && port <= 9899;
    for (let round = 0; round < 50; round++) {
      const blocks = chooseBlocks({ ...code, isFree: (port) => !isUsed(port), isNamed: (port) => port === 1150 })!;
      assert.ok(
        blocks.every((first) => first >= 9900 && first !== 10_000),
        `${blocks}`,
      );
    }
  });

  it("are undefined if too few are free", () => {
    assert.equal(chooseBlocks({ ...code, isFree: (port) => port < 1300 }), undefined);
    assert.equal(chooseBlocks({ ...code, isFree: (port) => port < 1400 }), undefined);
  });

  it("suffice for about 75 clients, of which about 13 get four digits", () => {
    const used = new Set<number>();
    let clients = 0;
    let short = 0;
    for (;;) {
      const blocks = chooseBlocks({ ...code, isFree: (port) => !used.has(port - (port % 100)) });
      if (blocks === undefined) break;
      clients++;
      if (blocks.every((first) => first < 10_000)) short++;
      for (const first of blocks) used.add(first);
    }
    assert.ok(clients >= 75 && short >= 13, `${clients} clients, ${short} of them with four digits`);
  });
});
