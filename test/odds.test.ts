// Tests the odds of a guess (docs/codes.md) by simulating the code that decides. The guesses are drawn from a reduced
// range that includes the current codes, so that a few seconds show enough openings. TEST_SEED repeats a run.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Attempts } from "../src/attempts/attempts.ts";
import { ClientStates } from "../src/codes/client-states.ts";
import { CodeGroup, type CodePolicy } from "../src/codes/decision.ts";
import { codeOf } from "../src/codes/valid-codes.ts";
import { parseAddress } from "../src/net/address.ts";
import { TCP } from "../src/net/packet.ts";
import { clientOf, NOON, POLICY, WINDOW } from "./code-group.ts";
import { doorOf } from "./door.ts";
import { repo } from "./live/wire.ts";

const SEED = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SIX = 1e6;
const YEAR_DAYS = 365;
const YEAR_WINDOWS = (YEAR_DAYS * 86_400) / 30;
/** Codes that count at a moment: Code_Skew is 1. */
const VALID = 3;
const phone = clientOf();

/** mulberry32: a number from 0 to below 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Guesses are drawn from `space` numbers, which include the codes from one window before to two after. */
function guesser(space: number, policy: Partial<CodePolicy>) {
  const group = new CodeGroup([phone], { ...POLICY, hold: 0, ...policy }, new ClientStates());
  const draw = random(SEED);
  const sources = Array.from({ length: 64 }, (_, i) => parseAddress(`198.51.100.${i}`)!);
  /** `at` is in windows since NOON. Returns whether the door opens. */
  return (at: number, source = 0): boolean => {
    const window = WINDOW + Math.floor(at);
    const drawn = Math.floor(draw() * space);
    const guess = drawn < 4 ? codeOf(phone, window - 1 + drawn) : SIX + drawn;
    const wall = NOON + 30_000 * at;
    return group.decide(guess, sources[source]!, { now: wall, wall }).result === "accepted";
  };
}

/** Within four standard deviations of the expected number, which one run in 16,000 is not. */
function assertNear(found: number, expected: number): void {
  const what = `${found} openings, ${expected.toFixed(1)} expected (TEST_SEED=${SEED})`;
  assert.ok(Math.abs(found - expected) < 4 * Math.sqrt(expected), what);
}

const percent = (openings: number) => `${Number((100 * (1 - Math.exp(-openings))).toPrecision(2))} %`;
const page = readFileSync(join(repo, "docs/codes.md"), "utf8").replace(/\s+/g, " ");
/** The documentation contains the figure; it is printed too. */
function documented(t: { diagnostic(line: string): void }, text: string): void {
  t.diagnostic(text);
  assert.ok(page.includes(text), `docs/codes.md does not say: ${text}`);
}

describe("the odds of a guess", () => {
  it("are three in a million for six digits", () => {
    const group = new CodeGroup([phone], { ...POLICY, maxGuesses: 0 }, new ClientStates());
    const moment = { now: 1000, wall: NOON };
    const source = parseAddress("198.51.100.1")!;
    const results: Record<string, number> = {};
    for (let guess = 0; guess < SIX; guess++) {
      const { result } = group.decide(guess, source, moment);
      results[result] = (results[result] ?? 0) + 1;
    }
    const { accepted = 0, repeat = 0, clock = 0, wrong } = results;
    assert.equal(accepted + repeat, VALID, "once one is used, those before it no longer count");
    assert.equal(wrong, SIX - VALID - clock);
  });

  it("within a day and without a limit agree with the table", (t) => {
    const row = (space: number) =>
      [10, 1000, 100_000].map((packets) => percent((86_400 * packets * VALID) / (Math.log10(space) / 2) / space));
    const [six, eight] = [row(1e6), row(1e8)];
    documented(t, `| 6 digits | ${six.join(" | ")} |`);
    documented(t, `| 8 digits | ${eight.join(" | ")} |`);
  });

  it("with Max_Guesses are those of eleven guesses a day", (t) => {
    const [space, days] = [1000, 1800];
    const guess = guesser(space, {});
    let openings = 0;
    // As many as possible in 24 hours, without a day on which two codes in a row are needed.
    for (let day = 0; day < days; day++) for (let i = 0; i < 11; i++) if (guess(day * 2880 * 1.05)) openings++;
    assertNear(openings, (days * 11 * VALID) / space);
    const inYear = (digits: number) => percent((YEAR_DAYS * 11 * VALID) / digits);
    documented(t, `the chance in a year is ${inYear(1e6)} for six digits and ${inYear(1e8)} for eight`);
  });

  it("beyond Max_Guesses are those of two codes in a row from one address", (t) => {
    const [space, sources, windows] = [500, 10, 80_000];
    const guess = guesser(space, {});
    for (let i = 0; i < 100; i++) guess(0); // above the limit from the start, and again each day
    let openings = 0;
    for (let window = 0; window < windows; window++)
      for (let i = 0; i < sources * GUESSES; i++) if (guess(window + i / (sources * GUESSES), i % sources)) openings++;
    const expected = (space: number, from: number, windows: number) => (windows * from * VALID * GUESSES) / space ** 2;
    // The next guess must be the second code. If the first was that of the next window, it counts only half of the time.
    assertNear(openings, (expected(space, sources, windows) * 2.5) / 3);
    const inYear = (digits: number, from: number) => percent(expected(digits, from, YEAR_WINDOWS));
    const [six, eight] = [1e6, 1e8].map((space) => [1000, 100_000].map((from) => inYear(space, from)));
    documented(t, `year for six digits is ${six![0]} from 1,000 addresses and ${six![1]} from 100,000`);
    documented(t, `For eight digits it is ${eight![0]} and ${eight![1]}`);
  });

  it("a source has four guesses a minute before it is banned", () => {
    let now = 0;
    const states = new ClientStates();
    const attempts = new Attempts({
      ...{ isOurs: () => true, isStray: () => false, hashKey: [1, 2], wallClock: () => NOON + now },
    });
    const door = doorOf({ name: "openSSH", sequence: [], clients: [phone] });
    attempts.setDoors([{ door, targets: undefined }], states);
    const source = parseAddress("198.51.100.1")!;
    const right = new Set(Array.from({ length: 300 }, (_, i) => codeOf(phone, WINDOW - 30 + i)));
    let wrong = 0;
    while (right.has(wrong)) wrong++;
    const places = [wrong / 10_000, wrong / 100, wrong].map((number) => Math.floor(number) % 100);
    let sequence = 1;
    for (const minutes = 60; now < minutes * 60_000; now += 100) {
      for (const [block, place] of places.entries()) {
        const port = phone.blocks[block]! + place;
        const packet = { source, destination: parseAddress("10.77.0.1")!, sourcePort: 40_000, port, protocol: TCP };
        attempts.knock({ ...packet, flags: 2, ttl: 64, sequence: ++sequence * 7919 }, now);
        attempts.expire(now);
      }
    }
    assert.equal(Math.round(states.guesses("phone").count(now) / 60), 2 * GUESSES);
  });
});

/** The number of guesses of an address per window, as the last test shows. */
const GUESSES = 2;
