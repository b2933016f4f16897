// Tests how the text of knockd.conf is split into sections and lines: each line's number, key and value.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConfigError } from "../src/config/door.ts";
import { keyOf, nameOf, sectionsOf, textOfValue } from "../src/config/sections.ts";

const sections = (text: string) => sectionsOf(text, ({ number }, why) => `line ${number}: ${why}`);

describe("sections", () => {
  test("keep the number of each line, without comments and empty lines", () => {
    assert.deepEqual(sections("# comment\n[a]\n\n x = 1 \n#y\nz\n[a.b]\n"), [
      { name: "a", header: { number: 2, text: "[a]" }, lines: [at(4, "x = 1"), at(6, "z")] },
      { name: "a.b", header: { number: 7, text: "[a.b]" }, lines: [] },
    ]);
  });

  test("with the same name stay separate", () => {
    assert.deepEqual(
      sections("[a]\nx\n[a]\nx").map(({ lines }) => lines.map(({ number }) => number)),
      [[2], [4]],
    );
  });

  const refused: [title: string, text: string, message: string][] = [
    ["a directive before the first section", "\nx = 1", "line 2: all directives must belong to a section"],
    ["a section without a name", "[a]\n[]", "line 2: bad section name"],
    ["a NUL byte", "[a]\nx\0", "line 2: syntax error: the line contains a NUL byte"],
  ];
  for (const [title, text, message] of refused) {
    test(`refuse ${title}`, () =>
      assert.throws(
        () => sections(text),
        (error) => error instanceof ConfigError && error.message === message,
      ));
  }
});

describe("a line", () => {
  const table: [text: string, key: string, name: string, value: string][] = [
    ["Command = a = b", "Command", "start_command", "a = b"],
    ["UseSyslog", "UseSyslog", "usesyslog", ""],
    ["= x", "", "", "x"],
  ];
  for (const [text, key, name, value] of table) {
    test(`${text}: has the key "${key}", which means "${name}", and the value "${value}"`, () => {
      const line = at(1, text);
      assert.deepEqual([keyOf(line), nameOf(line), textOfValue(line)], [key, name, value]);
    });
  }
});

function at(number: number, text: string) {
  return { number, text };
}
