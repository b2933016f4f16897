import assert from "node:assert/strict";
import { test } from "node:test";
import { insteadOf } from "../src/config/foreign-words.ts";
import { parseConfig } from "../src/config/parse.ts";

test("a directive of another port knocker is refused, and its equivalent is named", () => {
  const parse = () => parseConfig("[a]\nsequence = 1\notp = JBSWY3DP\n", "knockd.conf", () => undefined);
  assert.throws(parse, {
    message:
      'config: line 3: syntax error: unknown directive "otp" in a door: use Clients and codes that change every 30 seconds (knockctl client add) (knockd.conf: otp = JBSWY3DP)',
  });
});

test("so is a fork's ipset", () => {
  assert.match(insteadOf("ipset")!, /^use open for a built-in door/);
});

test("an unknown directive is refused without a hint", () => {
  assert.equal(insteadOf("sequense"), undefined);
  assert.equal(insteadOf("constructor"), undefined);
});
