// Tests knockd.conf as a file on the disk.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { ConfigError } from "../src/config/door.ts";
import { readConfig } from "../src/config/read.ts";
import { parseSequence } from "../src/sequences/sequence.ts";

describe("a config file", () => {
  const dir = fs.mkdtempSync(join(tmpdir(), "read-"));
  after(() => fs.rmSync(dir, { recursive: true }));
  const path = (name: string) => join(dir, name);
  const write = (name: string, content: string | Buffer) => {
    fs.writeFileSync(path(name), content);
    return path(name);
  };

  test("is read with its path as given, together with the sequences file that it names", () => {
    const sequences = write("sequences", "# used\n#1,2\n 3,4\n5,6\n");
    const file = write("good.conf", `[a]\r\none_time_sequences = ${sequences}\r\n[b]\r\nsequence = 7000\r\n`);
    const given = `${dir}/./good.conf`;
    const config = readConfig(given);
    assert.equal(config.file, given);
    assert.notEqual(given, file);
    assert.deepEqual(
      config.doors.map(({ name, sequence, oneTimeSequences }) => [name, sequence, oneTimeSequences]),
      [
        ["a", parseSequence("3,4"), sequences],
        ["b", parseSequence("7000"), undefined],
      ],
    );
    assert.deepEqual(config.warnings, []);
  });

  test("causes warnings for lines in the sequences file that are not sequences", () => {
    const sequences = write("odd-sequences", "x\n7000:sctp\n3,4\n");
    const { doors, warnings } = readConfig(write("odd.conf", `[a]\none_time_sequences = ${sequences}`));
    assert.deepEqual(doors[0]?.sequence, parseSequence("3,4"));
    assert.deepEqual(warnings, [
      `config: section a: port "x" is invalid (${sequences}: line 1: x)`,
      `config: section a: unknown protocol in knock sequence (${sequences}: line 2: 7000:sctp)`,
    ]);
  });

  const refused: [title: string, file: () => string, message: (file: string) => string][] = [
    ["that is missing", () => path("nope"), (file) => `${file}: No such file or directory`],
    ["below a file", () => join(write("file", ""), "x"), (file) => `${file}: Not a directory`],
    ["that is a directory", () => dir, (file) => `${file}: Is a directory`],
    [
      "whose sequences file is missing",
      () => write("no-sequences.conf", "[a]\none_time_sequences = /nope"),
      (file) => `config: line 2: /nope: No such file or directory (${file}: one_time_sequences = /nope)`,
    ],
    [
      "whose sequences file is a directory",
      () => write("dir-sequences.conf", "[a]\none_time_sequences = /"),
      (file) => `config: line 2: /: Is a directory (${file}: one_time_sequences = /)`,
    ],
    [
      "whose sequences file has only used ones",
      () => write("used.conf", `[a]\none_time_sequences = ${write("used", "#1,2\n# 3\n\n")}`),
      (file) =>
        "config: line 2: no more sequences left in the one time sequences file for door a --> disabling the door " +
        `(${file}: one_time_sequences = ${path("used")})`,
    ],
  ];
  for (const [title, file, message] of refused) {
    test(`${title} is refused with the system's message`, () => {
      const given = file();
      assert.throws(() => readConfig(given), new ConfigError(message(given)));
    });
  }

  test("with bytes that are not UTF-8 is read, silently in comments, with a warning elsewhere", () => {
    const latin1 = Buffer.from("# Büro\n[Büro]\nsequence = 1\ncommand = Büro\n", "latin1");
    const file = write("latin1.conf", latin1);
    const { doors, warnings } = readConfig(file);
    assert.deepEqual([doors[0]?.name, doors[0]?.startCommand], ["B\ufffdro", "B\ufffdro"]);
    assert.deepEqual(warnings, [
      `config: line 4: not valid UTF-8: the invalid bytes are read as \ufffd (${file}: command = B\ufffdro)`,
    ]);
  });
});
