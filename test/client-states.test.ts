import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClientStates } from "../src/codes/client-states.ts";
import { Bench, clientOf, NOON } from "./code-group.ts";

const phone = clientOf();

describe("the state of clients", () => {
  it("is read back as it was written", () => {
    const bench = new Bench();
    bench.guess(bench.code());
    bench.guess(1, "198.51.100.1");
    bench.guess(2, "198.51.100.1");
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

  it("works for names that have a meaning in JavaScript", () => {
    for (const name of ["__proto__", "constructor", "toString", ".", "..", "-x"]) {
      const client = clientOf({ name });
      const states = new ClientStates();
      states.of(client).last = 7;
      states.guesses(name).add(0, 3);
      const again = ClientStates.parse(states.format(NOON, 0), NOON, 0);
      assert.deepEqual([again.of(client).last, again.guesses(name).count(0)], [7, 3], name);
    }
  });

  it("forgets wrong codes of the previous day", () => {
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

  it("is new for a new secret", () => {
    const states = new ClientStates();
    states.of(phone).last = 7;
    assert.equal(states.of(phone).last, 7);
    assert.equal(states.of(clientOf({ seed: 2 })).last, -1);
  });

  it("follows the secret to another name, even over a restart, so used codes do not count again", () => {
    for (const kind of ["code", "list"] as const) {
      const states = new ClientStates();
      states.of(clientOf({ kind })).last = 7;
      const again = ClientStates.parse(states.format(NOON, 0), NOON, 0);
      const renamed = clientOf({ kind, name: "mobile" });
      for (const one of [states, again]) {
        one.use([renamed]);
        assert.equal(one.of(renamed).last, 7, kind);
        one.use([clientOf({ kind })]);
        assert.equal(one.of(clientOf({ kind })).last, 7, "and back");
      }
    }
  });

  it("follows the secrets if two clients swap their names, even over a restart", () => {
    const states = new ClientStates();
    const [ann, bob] = [clientOf({ name: "ann" }), clientOf({ name: "bob", seed: 2 })];
    states.of(ann).last = 7;
    states.of(bob).last = 8;
    const again = ClientStates.parse(states.format(NOON, 0), NOON, 0);
    const swapped = [clientOf({ name: "bob" }), clientOf({ name: "ann", seed: 2 })];
    for (const one of [states, again]) {
      one.use(swapped);
      assert.deepEqual(
        swapped.map((client) => one.of(client).last),
        [7, 8],
      );
    }
  });

  it("is restored with an earlier secret, even over restarts", () => {
    for (const kind of ["code", "list", "key"] as const) {
      const states = new ClientStates();
      const [old, fresh] = [clientOf({ kind }), clientOf({ kind, seed: 2 })];
      states.of(old).last = 7;
      states.use([fresh]);
      states.of(fresh).last = 8;
      const again = ClientStates.parse(states.format(NOON, 0), NOON, 0);
      again.use([old]);
      assert.equal(again.of(old).last, 7);
      const third = ClientStates.parse(again.format(NOON, 0), NOON, 0);
      third.use([fresh]);
      assert.equal(third.of(fresh).last, 8);
    }
  });

  it("is separate for two clients with the same secret, and for a list and a code", () => {
    const states = new ClientStates();
    const all = [phone, clientOf({ name: "copy" }), clientOf({ name: "paper", kind: "list" })];
    states.of(phone).last = 7;
    states.use(all);
    assert.deepEqual(
      all.map((client) => states.of(client).last),
      [7, -1, -1],
    );
  });

  it("remembers over further restarts that a list's state was lost", () => {
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
      `{"version":1,"clients":{"a":{"secret":"","kind":"code","counter":9007199254740991,"at":0,"openings":0}},"wrong":{}}`,
    ],
    [
      "of a time beyond all dates",
      `{"version":1,"clients":{"a":{"secret":"","kind":"code","counter":1,"at":9007199254740991,"openings":0}},"wrong":{}}`,
    ],
    ["another version's", `{"version":2,"clients":{},"wrong":{}}`],
    ["of another shape", `{"version":1,"clients":{"phone":{"counter":1}},"wrong":{}}`],
    ["a number", "7"],
    ["null", "null"],
  ]) {
    it(`is refused if it is ${what}`, () => assert.throws(() => ClientStates.parse(text!, NOON, 0)));
  }
});
