import assert from "node:assert/strict";
import { it } from "node:test";
import { GuessCounter } from "../src/codes/guess-counter.ts";

const HOUR = 3_600_000;

it("counts the guesses of the last 24 hours", () => {
  const guesses = new GuessCounter();
  assert.equal(guesses.add(0), 1);
  assert.equal(guesses.add(12 * HOUR), 2);
  assert.equal(guesses.count(24 * HOUR - 1), 2);
  assert.equal(guesses.count(24 * HOUR), 1);
  assert.equal(guesses.count(36 * HOUR), 0);
  assert.equal(guesses.add(1000 * HOUR), 1);
  assert.equal(guesses.count(2000 * HOUR), 0);
});

it("counts guesses from before a restart as if they came now", () => {
  const guesses = new GuessCounter(7, 500 * HOUR);
  assert.equal(guesses.count(523 * HOUR), 7);
  assert.equal(guesses.count(524 * HOUR), 0);
});
