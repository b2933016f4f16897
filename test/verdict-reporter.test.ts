// Tests that the observer gets each packet once and then its verdicts, except further verdicts that are like the last
// one.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VerdictReporter } from "../src/attempts/verdict-reporter.ts";
import { type Observer, VERDICT } from "../src/events/observer.ts";
import { parseAddress } from "../src/net/address.ts";
import { currentOf } from "./current.ts";

const source = parseAddress("10.77.0.2")!;
const current = currentOf(source, { hash: 5, now: 7 });

class Recorder implements Observer {
  isSaturated = false;
  readonly told: unknown[] = [];
  begin = (packet: unknown, hash: number, now: number) => void this.told.push(["packet", packet, hash, now]);
  beginWithout = (address: unknown, hash: number, now: number) =>
    void this.told.push(["no packet", address, hash, now]);
  verdict = (...verdict: unknown[]) => void this.told.push(verdict);
}

describe("a verdict reporter", () => {
  it("reports the packet once, then each of its verdicts", () => {
    const observer = new Recorder();
    const reporter = new VerdictReporter(observer);
    reporter.begin(current, false);
    reporter.report(VERDICT.other, undefined, 0);
    reporter.report(VERDICT.scan, undefined, 2, 8);
    assert.deepEqual(observer.told, [
      ["packet", current.packet, 5, 7],
      [VERDICT.other, undefined, 0, 0],
      [VERDICT.scan, undefined, 2, 8],
    ]);
  });

  it("skips packets equal to the last one while the observer has enough of them, but no others", () => {
    const observer = new Recorder();
    const reporter = new VerdictReporter(observer);
    observer.isSaturated = true;
    reporter.begin(current, true);
    reporter.report(VERDICT.again, undefined, 0);
    assert.deepEqual([observer.told, reporter.isWanted], [[], false]);
    reporter.begin(current, false);
    assert.deepEqual([observer.told.length, reporter.isWanted], [1, true]);
  });

  it("repeats the only verdict on the last packet, while the observer wants more", () => {
    const observer = new Recorder();
    const reporter = new VerdictReporter(observer);
    reporter.begin(current, false);
    reporter.report(VERDICT.twice, undefined, 1, 4);
    observer.told.length = 0;
    assert.equal(reporter.repeat(current.packet, 5, 7), true);
    assert.deepEqual(observer.told, [
      ["packet", current.packet, 5, 7],
      [VERDICT.twice, undefined, 1, 4],
    ]);
    observer.isSaturated = true;
    assert.equal(reporter.repeat(current.packet, 5, 7), true);
    assert.equal(observer.told.length, 2);
  });

  it("does not repeat several verdicts on one packet, or none", () => {
    const reporter = new VerdictReporter(new Recorder());
    reporter.begin(current, false);
    assert.equal(reporter.repeat(current.packet, 5, 7), false);
    reporter.report(VERDICT.twice, undefined, 1);
    reporter.report(VERDICT.twice, undefined, 1);
    assert.equal(reporter.repeat(current.packet, 5, 7), false);
  });

  it("reports what time causes without a packet, whatever came before", () => {
    const observer = new Recorder();
    const reporter = new VerdictReporter(observer);
    observer.isSaturated = true;
    reporter.begin(current, true);
    reporter.beginWithout(source, 5, 9);
    reporter.report(VERDICT.timeout, undefined, 1, 3);
    assert.deepEqual(observer.told, [
      ["no packet", source, 5, 9],
      [VERDICT.timeout, undefined, 1, 3],
    ]);
  });

  it("reports nothing when there is no observer", () => {
    const nobody = new VerdictReporter(undefined);
    nobody.begin(current, false);
    nobody.report(VERDICT.other, undefined, 0);
    nobody.beginWithout(source, 5, 9);
    assert.equal(nobody.isWanted, false);
  });
});
