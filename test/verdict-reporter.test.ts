// The observer is told of each packet, unless it has enough of those that are like the last one.
import assert from "node:assert/strict";
import { it } from "node:test";
import { VERDICT } from "../src/attempts/observer.ts";
import { VerdictReporter } from "../src/attempts/verdict-reporter.ts";
import type { Packet } from "../src/net/packet.ts";

it("tells a witness what becomes of a packet, and nobody when there is none", () => {
  const told: number[] = [];
  const observer = { isSaturated: false, packet: (fate: number) => void told.push(fate), attemptEnded() {} };
  const say = (verdictReporter: VerdictReporter, fate: number) =>
    verdictReporter.report(fate, undefined, 0, {} as Packet, 1, 0);
  const verdictReporter = new VerdictReporter(observer);
  verdictReporter.begin(false);
  say(verdictReporter, VERDICT.other);
  observer.isSaturated = true;
  verdictReporter.begin(true);
  say(verdictReporter, VERDICT.again);
  verdictReporter.begin(false);
  say(verdictReporter, VERDICT.later);
  assert.deepEqual([told, verdictReporter.isWanted], [[VERDICT.other, VERDICT.later], true]);
  const nobody = new VerdictReporter(undefined);
  nobody.begin(false);
  say(nobody, VERDICT.other);
  assert.deepEqual([told.length, nobody.isWanted], [2, false]);
});
