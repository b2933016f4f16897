// Tests the records of unknown sources: the newest 8,192 entries, and no more.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VERDICT } from "../src/events/observer.ts";
import { UnknownSources } from "../src/history/unknown-sources.ts";
import { encode } from "../src/history/verdict.ts";
import { parseAddress } from "../src/net/address.ts";

const STAGE_1 = encode(VERDICT.stage, 1, 3, 1);
const OTHER = encode(VERDICT.other, 0, 0, 0);
const address = (text: string) => parseAddress(text)!;

describe("unknown sources", () => {
  it("are distinguished by all four words, and kept in order", () => {
    const strangers = new UnknownSources();
    const texts = ["10.77.0.2", "fd77::2", "fd77::1:2", "fd78::2", "fd77:0:0:1::2"];
    for (const [i, text] of texts.entries()) strangers.write(address(text), STAGE_1, 7000, i, 0);
    strangers.write(address(texts[0]!), OTHER, 22, 10, 0);
    for (const [i, text] of texts.entries()) assert.equal(strangers.of(address(text))[0]!.at, i);
    assert.deepEqual(
      strangers.of(address(texts[0]!)).map(({ at, what, knock, times }) => [at, what, knock, times]),
      [
        [0, STAGE_1, 7000, 1],
        [10, OTHER, 22, 1],
      ],
    );
    assert.deepEqual(strangers.of(address("10.77.0.3")), []);
  });

  it("have repeated verdicts counted; all stray ports of a scanner count as the same", () => {
    const strangers = new UnknownSources();
    const me = address("10.77.0.2");
    for (let i = 0; i < 5; i++) strangers.write(me, STAGE_1, 7000, i, i);
    strangers.write(me, STAGE_1, 7001, 5, 0);
    for (let i = 0; i < 60_000; i++) strangers.write(me, OTHER, i, 6 + i, 0);
    assert.deepEqual(
      strangers.of(me).map(({ at, knock, times, detail }) => [at, knock, times, detail]),
      [
        [4, 7000, 5, 4],
        [5, 7001, 1, 0],
        [60_005, 0, 60_000, 0],
      ],
    );
  });

  it("are overwritten, the oldest first", () => {
    const strangers = new UnknownSources();
    const source = { w0: 0, w1: 0, w2: 0xffff, w3: 0 };
    for (let i = 0; i < 20_000; i++) {
      source.w3 = i;
      strangers.write(source, STAGE_1, 7000, i, 0);
    }
    const isKept = (w3: number) => strangers.of({ ...source, w3 }).length === 1;
    assert.deepEqual([20_000 - 8192 - 1, 20_000 - 8192, 19_999].map(isKept), [false, true, true]);
    assert.deepEqual(strangers.last(), { source: { ...source, w3: 19_999 }, at: 19_999 });
  });

  it("last returns the source that knocked last, not one that touched other ports", () => {
    const strangers = new UnknownSources();
    assert.equal(strangers.last(), undefined);
    strangers.write(address("10.77.0.9"), OTHER, 22, 1, 0);
    assert.equal(strangers.last(), undefined);
    strangers.write(address("10.77.0.2"), STAGE_1, 7000, 2, 0);
    strangers.write(address("10.77.0.9"), OTHER, 23, 3, 0);
    assert.deepEqual(strangers.last(), { source: address("10.77.0.2"), at: 2 });
  });
});
