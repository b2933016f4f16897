import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClientStates } from "../src/codes/client-states.ts";
import { Bench, clientOf, NOON } from "./code-group.ts";

const phone = clientOf();

describe("the state of clients", () => {
  it("is read as it was written", () => {
    const bench = new Bench();
    bench.guess(bench.code());
    bench.guess(1);
    bench.guess(2);
    bench.group.opened("phone");
    const text = bench.states.format(NOON, bench.moment.now);
    const states = ClientStates.parse(text, NOON + 1000, 5000);
    assert.deepEqual(states.of(phone), bench.states.of(phone));
    assert.equal(states.of(phone).openings, 1);
    assert.equal(states.guesses("phone").count(5000), 2);
    assert.equal(states.format(NOON, 5000), text);
    const again = new Bench([phone], {}, states);
    assert.equal(again.guess(again.code(), "203.0.113.9").result, "replay");
  });

  it("forgets wrong codes of the day before", () => {
    const text = `{"version":1,"clients":{},"wrong":{"phone":{"count":5,"at":${NOON}}}}`;
    assert.equal(
      ClientStates.parse(text, NOON + 86_399_000, 0)
        .guesses("phone")
        .count(0),
      5,
    );
    assert.equal(
      ClientStates.parse(text, NOON + 86_400_000, 0)
        .guesses("phone")
        .count(0),
      0,
    );
  });

  it("begins anew with another secret", () => {
    const states = new ClientStates();
    states.of(phone).last = 7;
    assert.equal(states.of(phone).last, 7);
    assert.equal(states.of(clientOf({ seed: 2 })).last, -1);
  });

  it("keeps that a list's state was lost, over further restarts", () => {
    const list = clientOf({ kind: "list", name: "paper" });
    const lost = new ClientStates(0);
    assert.ok(lost.of(list).isLost);
    assert.ok(ClientStates.parse(lost.format(NOON, 0), NOON, 0).of(list).isLost);
    lost.reset("paper", -1);
    assert.ok(!ClientStates.parse(lost.format(NOON, 0), NOON, 0).of(list).isLost);
  });

  for (const [what, text] of [
    ["torn", `{"version":1,"clients":{"pho`],
    ["empty", ""],
    [
      "of a counter beyond all time",
      `{"version":1,"clients":{"a":{"secret":"","counter":9007199254740991,"at":0,"openings":0}},"wrong":{}}`,
    ],
    [
      "of a time beyond all dates",
      `{"version":1,"clients":{"a":{"secret":"","counter":1,"at":9007199254740991,"openings":0}},"wrong":{}}`,
    ],
    ["another version's", `{"version":2,"clients":{},"wrong":{}}`],
    ["of another shape", `{"version":1,"clients":{"phone":{"counter":1}},"wrong":{}}`],
    ["a number", "7"],
    ["null", "null"],
  ]) {
    it(`is refused when it is ${what}`, () => assert.throws(() => ClientStates.parse(text!, NOON, 0)));
  }
});
