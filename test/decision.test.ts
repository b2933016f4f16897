import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClientStates } from "../src/codes/client-states.ts";
import { parseHours } from "../src/codes/hours.ts";
import { codeOf } from "../src/codes/valid-codes.ts";
import { parseNetwork } from "../src/net/network.ts";
import { Bench, clientOf, NOON, WINDOW } from "./code-group.ts";

const [CLIENT, OTHER, SNIFFER] = ["192.0.2.1", "192.0.2.2", "203.0.113.9"];
const YEAR = 365 * 86_400;

describe("a code", () => {
  it("is accepted once, and held for Code_Hold", () => {
    const bench = new Bench();
    assert.deepEqual(bench.guess(bench.code()), { result: "accepted", client: "phone", holdMs: 250 });
    assert.deepEqual(bench.states.of(bench.clients[0]!), {
      ...{
        secret: bench.clients[0]!.secret.fingerprint,
        kind: "code",
        last: WINDOW,
        at: NOON,
        from: CLIENT,
        openings: 0,
        isLost: false,
      },
    });
  });

  it("is valid in its window and one before and after, to the second", () => {
    for (const [at, result] of [
      [-30.001, "clock"],
      [-30, "accepted"],
      [0, "accepted"],
      [29.999, "accepted"],
      [59.999, "accepted"],
      [60, "clock"],
    ] as const) {
      const bench = new Bench();
      const code = bench.code();
      bench.at = at;
      assert.equal(bench.guess(code).result, result, `${at} s`);
    }
  });

  it("is valid in no other window with Code_Skew = 0, and in ten more with 10", () => {
    const none = new Bench(undefined, { skew: 0 });
    assert.equal(none.guess(none.code(undefined, 1)).result, "clock");
    assert.equal(none.guess(none.code()).result, "accepted");
    const ten = new Bench(undefined, { skew: 10 });
    assert.equal(ten.guess(ten.code(undefined, -10)).result, "accepted");
    assert.equal(ten.guess(ten.code(undefined, -11)).result, "clock");
  });

  it("is a replay from another address, but not from the same one, as people press twice", () => {
    const bench = new Bench();
    const code = bench.code();
    bench.guess(code);
    bench.at = 0.3;
    assert.deepEqual(bench.guess(code), { result: "repeat", client: "phone" });
    assert.deepEqual(bench.guess(code, SNIFFER), { result: "replay", client: "phone", other: CLIENT });
    assert.equal(bench.states.of(bench.clients[0]!).from, CLIENT, "the replay changes nothing");
  });

  it("of an earlier window does not count after a later one was used", () => {
    const bench = new Bench();
    const before = bench.code(undefined, -1);
    bench.guess(bench.code());
    assert.deepEqual(bench.guess(before, SNIFFER), { result: "replay", client: "phone", other: undefined });
    assert.equal(bench.guess(bench.code(undefined, 1)).result, "accepted");
  });

  it("of another time shows how far the clocks differ, up to ten minutes", () => {
    const bench = new Bench();
    assert.deepEqual(bench.guess(bench.code(undefined, -4)), { result: "clock", client: "phone", seconds: 120 });
    assert.deepEqual(bench.guess(bench.code(undefined, 20)), { result: "clock", client: "phone", seconds: -600 });
    assert.deepEqual(bench.guess(bench.code(undefined, 21)), { result: "wrong", client: "phone", count: 1, most: 10 });
  });

  it("that is wrong is counted, and forgotten after a day", () => {
    const bench = new Bench();
    for (let count = 1; count <= 12; count++) {
      assert.deepEqual(bench.guess(1_000_000 + count), { result: "wrong", client: "phone", count, most: 10 });
    }
    bench.at = 25 * 3600;
    assert.deepEqual(bench.guess(1_000_000), { result: "wrong", client: "phone", count: 1, most: 10 });
  });
});

describe("beyond Max_Guesses", () => {
  const besieged = (policy = {}) => {
    const bench = new Bench(undefined, policy);
    for (let i = 0; i < 11; i++) bench.guess(1_000_000, `198.51.100.${i}`);
    return bench;
  };

  it("one code is refused, and two in a row open", () => {
    const bench = besieged();
    assert.deepEqual(bench.guess(bench.code()), { result: "first", client: "phone" });
    bench.at = 30;
    assert.equal(bench.guess(bench.code()).result, "accepted");
  });

  it("does not apply before: one code opens", () => {
    const bench = new Bench();
    for (let i = 0; i < 10; i++) bench.guess(1_000_000);
    assert.equal(bench.guess(bench.code()).result, "accepted");
  });

  it("two codes with one between them, or from two sources, do not open", () => {
    const bench = besieged();
    bench.guess(bench.code());
    bench.at = 60;
    assert.equal(bench.guess(bench.code()).result, "first");
    bench.at = 90;
    assert.equal(bench.guess(bench.code(), OTHER).result, "first");
    bench.at = 120;
    assert.equal(bench.guess(bench.code(), OTHER).result, "accepted");
  });

  it("a flood of wrong codes between the two does not matter", () => {
    const bench = besieged();
    bench.guess(bench.code());
    for (let i = 0; i < 10_000; i++) bench.guess(1_000_000 + i, `10.0.${i >> 8}.${i & 255}`);
    bench.at = 30;
    assert.equal(bench.guess(bench.code()).result, "accepted");
  });

  it("a wrong code from the same address breaks the row, so that the second cannot be guessed", () => {
    const bench = besieged();
    assert.equal(bench.guess(bench.code()).result, "first");
    bench.at = 10;
    assert.equal(bench.guess(1_000_000).result, "wrong");
    bench.at = 30;
    assert.equal(bench.guess(bench.code()).result, "first");
    bench.at = 60;
    assert.equal(bench.guess(bench.code()).result, "accepted");
  });

  it("a contested code does not count as the first of two", () => {
    const bench = besieged();
    bench.guess(bench.code());
    bench.at = 30;
    const second = bench.code();
    assert.equal(bench.guess(second).result, "accepted");
    assert.equal(bench.guess(second, SNIFFER).result, "contested");
    bench.at = 60;
    assert.equal(bench.guess(bench.code()).result, "first");
  });

  it("lasts a day, and never begins with Max_Guesses = 0", () => {
    const bench = besieged();
    bench.at = 25 * 3600;
    assert.equal(bench.guess(bench.code()).result, "accepted");
    const never = besieged({ maxGuesses: 0 });
    assert.equal(never.guess(never.code()).result, "accepted");
  });
});

describe("a contested code", () => {
  it("lets neither source in, in any order, and is used up", () => {
    const bench = new Bench();
    const code = bench.code();
    bench.guess(code);
    bench.at = 0.249;
    assert.deepEqual(bench.guess(code, SNIFFER), { result: "contested", client: "phone", other: CLIENT });
    assert.deepEqual(bench.guess(code, OTHER), { result: "replay", client: "phone", other: undefined });
    assert.equal(bench.guess(code).result, "replay");
    assert.equal(bench.states.of(bench.clients[0]!).openings, 0);
  });

  it("does not exist after Code_Hold, or if it is bound to the address", () => {
    const bench = new Bench();
    const code = bench.code();
    bench.guess(code);
    bench.at = 0.25;
    assert.equal(bench.guess(code, SNIFFER).result, "replay");
    const key = clientOf({ kind: "key", bind: true });
    const bound = new Bench([key]);
    const mine = bound.code(key, 0, CLIENT);
    assert.deepEqual(bound.guess(mine), { result: "accepted", client: "phone", holdMs: 0 });
    assert.equal(bound.guess(mine, SNIFFER).result, "wrong");
  });

  it("in a race: an attacker who mirrors it from 200 ms before to 200 ms after gets in 0 times out of 401", () => {
    const wins = { client: 0, mirror: 0 };
    for (let lead = -200; lead <= 200; lead++) {
      const bench = new Bench();
      const code = bench.code();
      const claims = [
        { who: CLIENT, at: 0 },
        { who: SNIFFER, at: lead / 1000 },
      ].sort((a, b) => a.at - b.at);
      let held: string | undefined;
      for (const { who, at } of claims) {
        bench.at = at + 1;
        const { result } = bench.guess(code, who);
        if (result === "accepted") held = who;
        if (result === "contested") held = undefined;
      }
      if (held === CLIENT) wins.client++;
      if (held === SNIFFER) wins.mirror++;
    }
    assert.deepEqual(wins, { client: 0, mirror: 0 });
  });
});

describe("a client that is refused", () => {
  it("by its networks keeps its code, so that an observer's copy from elsewhere cannot use it up", () => {
    const bench = new Bench([clientOf({ from: [parseNetwork("192.0.2.0/31")!] })]);
    const code = bench.code();
    assert.deepEqual(bench.guess(code, SNIFFER), { result: "refused", client: "phone", why: "from" });
    assert.equal(bench.guess(code).result, "accepted");
  });

  it("by its hours and its last day is reported", () => {
    const hours = new Bench([clientOf({ hours: parseHours("Mon-Fri 08:00-18:00") })]);
    const day = new Date(NOON);
    const local = (date: Date) => (date.getTime() - NOON) / 1000;
    hours.at = local(new Date(day.getFullYear(), day.getMonth(), 1, 7, 59, 59)); // a Wednesday
    assert.deepEqual(hours.guess(hours.code()), { result: "refused", client: "phone", why: "hours" });
    hours.at += 1;
    assert.equal(hours.guess(hours.code()).result, "accepted");
    const expires = new Bench([clientOf({ expires: "2026-07-01" })]);
    expires.at = local(new Date(2026, 6, 1, 23, 59, 59));
    assert.equal(expires.guess(expires.code()).result, "accepted");
    expires.at += 1;
    assert.deepEqual(expires.guess(expires.code()), { result: "refused", client: "phone", why: "expires" });
  });
});

describe("a key", () => {
  it("shares its ports with the other keys of a door", () => {
    const keys = [1, 2, 3].map((seed) => clientOf({ kind: "key", name: `key${seed}`, seed }));
    const bench = new Bench(keys);
    for (const key of keys)
      assert.deepEqual(bench.guess(bench.code(key)), { result: "accepted", client: key.name, holdMs: 250 });
    assert.deepEqual(bench.guess(1), { result: "wrong", client: "3 clients", count: 1, most: 10 });
  });
});

describe("a key that is bound to an address", () => {
  const key = clientOf({ kind: "key", bind: true });

  it("counts from another address while one address floods", () => {
    const bench = new Bench([key], { maxGuesses: 0 });
    for (let i = 0; i < 5000; i++) bench.guess(i, SNIFFER);
    assert.deepEqual(bench.guess(bench.code(key, 0, SNIFFER), SNIFFER), { result: "busy", client: "phone" });
    assert.equal(bench.guess(bench.code(key, 0, OTHER), OTHER).result, "accepted");
  });

  it("is not checked while many addresses flood, and counts a second later", () => {
    const bench = new Bench([key], { maxGuesses: 0 });
    for (let i = 0; i < 5000; i++) bench.guess(i, `198.18.${i >> 8}.${i & 255}`);
    assert.deepEqual(bench.guess(bench.code(key, 0, CLIENT)), { result: "busy", client: "phone" });
    bench.at = 0.999;
    assert.equal(bench.guess(bench.code(key, 0, CLIENT)).result, "busy");
    bench.at = 1;
    assert.equal(bench.guess(bench.code(key, 0, CLIENT)).result, "accepted");
  });

  it("does not make guessing at other keys free: those guesses count as wrong codes", () => {
    const free = clientOf({ kind: "key", name: "laptop", seed: 2 });
    const bench = new Bench([key, free]);
    for (let i = 0; i < 5000; i++) bench.guess(i, SNIFFER);
    assert.deepEqual(bench.guess(bench.code(free), SNIFFER), { result: "first", client: "laptop" });
  });
});

describe("a thousand keys", () => {
  const keys = Array.from({ length: 1000 }, (_, i) =>
    clientOf({ kind: "key", name: `key${i}`, seed: i, bind: i % 100 === 99 }),
  );

  it("are each recognised by their code, once, and bound ones only from their address", () => {
    const bench = new Bench(keys);
    for (const number of [0, 500, 998]) {
      const code = bench.code(keys[number]);
      assert.deepEqual(bench.guess(code), { result: "accepted", client: `key${number}`, holdMs: 250 });
      assert.equal(bench.guess(code).result, "repeat");
    }
    const bound = bench.code(keys[999], 0, CLIENT);
    assert.equal(bench.guess(bound, SNIFFER).result, "wrong");
    assert.deepEqual(bench.guess(bound), { result: "accepted", client: "key999", holdMs: 0 });
    bench.at = 0.3;
    assert.equal(bench.guess(bench.code(keys[0]), SNIFFER).result, "replay");
    bench.at = 3000;
    assert.equal(bench.guess(bench.code(keys[0])).result, "accepted", "in a window of later");
  });
});

describe("a list", () => {
  const list = clientOf({ kind: "list", name: "paper" });

  it("proceeds from code to code, may skip nine, and never goes back", () => {
    const bench = new Bench([list]);
    const guess = (counter: number, from?: string) => bench.guess(bench.code(list, counter), from).result;
    assert.equal(guess(0), "accepted");
    assert.equal(guess(1), "accepted");
    assert.equal(guess(11), "accepted", "nine left out");
    assert.equal(guess(5, OTHER), "replay");
    assert.equal(guess(11), "repeat");
    assert.equal(guess(22), "wrong", "ten left out");
    assert.equal(guess(21), "accepted");
  });

  it("does not depend on the time", () => {
    const bench = new Bench([list]);
    bench.clock = 20 * YEAR;
    assert.equal(bench.guess(bench.code(list, 0)).result, "accepted");
    bench.clock = -20 * YEAR;
    assert.equal(bench.guess(bench.code(list, 1)).result, "accepted");
  });

  it("is refused if its state was lost, until it is reset", () => {
    const bench = new Bench([list], {}, new ClientStates(0));
    assert.deepEqual(bench.guess(bench.code(list, 3)), { result: "refused", client: "paper", why: "list" });
    assert.ok(bench.states.reset("paper", -1));
    assert.equal(bench.guess(bench.code(list, 3)).result, "accepted");
    assert.ok(!bench.states.reset("nobody", -1));
  });
});

describe("a clock that is set", () => {
  it("a year ahead and back: no code counts twice, and the correct clock works again", () => {
    const bench = new Bench();
    const used = bench.code();
    assert.equal(bench.guess(used).result, "accepted");
    bench.at = 10;
    bench.clock = YEAR;
    assert.equal(bench.guess(used, SNIFFER).result, "wrong");
    assert.equal(bench.guess(bench.code(undefined, 1)).result, "wrong");
    bench.clock = 0;
    assert.equal(bench.guess(used, SNIFFER).result, "replay");
    assert.equal(bench.guess(bench.code(undefined, 1)).result, "accepted");
  });

  it("a year ahead, with a code used then, and back: no code counts until a reset, and the log says why", () => {
    const bench = new Bench();
    const used = bench.code();
    assert.equal(bench.guess(used).result, "accepted");
    bench.clock = YEAR;
    assert.equal(bench.guess(bench.code(undefined, YEAR / 30)).result, "accepted");
    bench.clock = 0;
    const refused = { result: "refused", client: "phone", why: "ahead" };
    assert.deepEqual(bench.guess(used, SNIFFER), refused);
    assert.deepEqual(bench.guess(bench.code(undefined, 1)), refused, "also from the address of the last use");
    assert.ok(bench.states.reset("phone", WINDOW));
    assert.equal(bench.guess(used, SNIFFER).result, "replay");
    assert.equal(bench.guess(bench.code(undefined, 1)).result, "accepted");
  });

  it("a year back and forth again", () => {
    const bench = new Bench();
    const used = bench.code();
    bench.guess(used);
    bench.at = 1;
    bench.clock = -YEAR;
    const longAgo = codeOf(bench.clients[0]!, WINDOW - YEAR / 30);
    assert.equal(bench.guess(longAgo, SNIFFER).result, "refused");
    bench.clock = 0;
    assert.equal(bench.guess(used, SNIFFER).result, "replay");
  });
});

describe("a state that was lost", () => {
  const lost = () => new Bench(undefined, {}, new ClientStates(1000 * 100_000));

  it("refuses codes of windows up to the loss, so that used codes stay used", () => {
    const bench = lost();
    const codes = [-1, 0, 1].map((later) => bench.code(undefined, later));
    for (const at of [0, 29, 30, 59, 60, 89, 90]) {
      bench.at = at;
      for (const code of codes) assert.notEqual(bench.guess(code, SNIFFER).result, "accepted", `${at} s`);
    }
  });

  it("accepts a new code within a minute", () => {
    const bench = lost();
    assert.deepEqual(bench.guess(bench.code()), { result: "refused", client: "phone", why: "recent" });
    bench.at = 60;
    assert.equal(bench.guess(bench.code()).result, "accepted");
  });

  it("does so even if the clock was wrong at the start and is corrected later", () => {
    for (const clock of [-YEAR, -600, 600, YEAR]) {
      const bench = lost();
      bench.clock = clock;
      bench.guess(bench.code());
      const before = bench.code();
      bench.at = 20;
      bench.clock = 0;
      assert.equal(bench.guess(before, SNIFFER).result, "refused", `${clock}`);
      bench.at = 60;
      assert.equal(bench.guess(bench.code()).result, "accepted", `${clock}`);
    }
  });
});

describe("the odds of docs/codes.md", () => {
  it("of guessing a code are three in a million", () => {
    // All codes of one moment. Those of its three windows count.
    const bench = new Bench();
    let right = 0;
    for (let guess = 0; guess < 1_000_000; guess++) {
      const { result } = bench.guess(guess, SNIFFER);
      if (result === "accepted" || result === "first") right++;
    }
    assert.ok(right >= 1 && right <= 3, `${right}`);
  });

  it("with Max_Guesses: after ten wrong codes, no single code opens", () => {
    const bench = new Bench();
    let opened = 0;
    for (let guess = 0; guess < 1_000_000; guess += 7) {
      if (bench.guess(guess, `10.${guess >> 16}.${(guess >> 8) & 255}.${guess & 255}`).result === "accepted") opened++;
    }
    assert.ok(opened <= 1, `${opened}: at most when the code is one of the first ten`);
  });
});
