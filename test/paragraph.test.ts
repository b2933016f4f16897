// Tests how sentences are wrapped to fit a terminal of 80 columns.
import assert from "node:assert/strict";
import { test } from "node:test";
import { paragraph, wrapped } from "../src/terminal/paragraph.ts";

test("a short sentence stays on one line", () => assert.equal(paragraph("no door"), "no door\n"));

test("a long sentence is wrapped between words, and the following lines are indented", () => {
  const text = "a ".repeat(39).concat("bcd ef");
  assert.equal(paragraph(text, { rest: 2 }), `${"a ".repeat(39).trimEnd()}\n  bcd ef\n`);
  assert.equal(paragraph("a b", { first: 4 }), "    a b\n");
});

test("a word is never split", () => {
  const path = `/${"x".repeat(100)}`;
  assert.equal(paragraph(`in ${path} it is`, { rest: 2 }), `in\n  ${path}\n  it is\n`);
});

test("colours have no width", () => {
  const red = "\x1b[31m";
  assert.equal(paragraph(`${`${red}a `.repeat(40)}`.trimEnd()), `${`${red}a `.repeat(40)}`.trimEnd().concat("\n"));
});

test("a narrow terminal has shorter lines, but a wide one none longer than 80", () => {
  const { columns } = process.stdout;
  try {
    process.stdout.columns = 40;
    assert.equal(
      paragraph("ab ".repeat(20).trimEnd()),
      `${"ab ".repeat(13).trimEnd()}\n${"ab ".repeat(7).trimEnd()}\n`,
    );
    process.stdout.columns = 200;
    assert.equal(paragraph("ab ".repeat(40).trimEnd()).indexOf("\n"), 80);
  } finally {
    process.stdout.columns = columns;
  }
});

test("a message is wrapped line by line at a terminal, and stays whole in a pipe", () => {
  const message = `${"a ".repeat(39).concat("bcd ef")}\n  indented`;
  assert.equal(wrapped(message, true), `${"a ".repeat(39).trimEnd()}\nbcd ef\n  indented\n`);
  assert.equal(wrapped(message, false), `${message}\n`);
});
