import assert from "node:assert/strict";
import { test } from "node:test";
import { suggestion } from "../src/terminal/suggestion.ts";

test("suggests the name that was probably meant", () => {
  const doors = ["openSSH", "mail", "x1"];
  for (const [text, expected] of [
    ["openSHS", "openSSH"],
    ["openssh", "openSSH"],
    ["mial", "mail"],
    ["garage", undefined],
    ["openXXX", undefined],
    ["", undefined],
    ["zz", undefined],
  ]) {
    assert.equal(suggestion(text!, doors), expected, text);
  }
  assert.equal(suggestion("mail", []), undefined);
});
