// Sentences broken to fit a terminal of 80 columns.
import assert from "node:assert/strict";
import { test } from "node:test";
import { paragraph } from "../src/terminal/paragraph.ts";

test("a short sentence stays on one line", () => assert.equal(paragraph("no door"), "no door\n"));

test("a long one is broken between words, and the rest indented", () => {
  const text = "a ".repeat(39).concat("bcd ef");
  assert.equal(paragraph(text, { rest: 2 }), `${"a ".repeat(39).trimEnd()}\n  bcd ef\n`);
  assert.equal(paragraph("a b", { first: 4 }), "    a b\n");
});

test("a word is never cut", () => {
  const path = `/${"x".repeat(100)}`;
  assert.equal(paragraph(`in ${path} it is`, { rest: 2 }), `in\n  ${path}\n  it is\n`);
});

test("colour has no width", () => {
  const red = "\x1b[31m";
  assert.equal(paragraph(`${`${red}a `.repeat(40)}`.trimEnd()), `${`${red}a `.repeat(40)}`.trimEnd().concat("\n"));
});
