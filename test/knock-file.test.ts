import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileOfName, readKnockFile } from "../src/knock/knock-file.ts";

const directory = fs.mkdtempSync(join(tmpdir(), "knock-file-"));
after(() => fs.rmSync(directory, { recursive: true }));

function file(name: string, text: string, mode = 0o600): string {
  const path = join(directory, name);
  fs.writeFileSync(path, text);
  fs.chmodSync(path, mode);
  return path;
}

test("the words of a file are read without comments and line ends", () => {
  const path = file("home.knock", "# my Pi\n-d 200 --verify 22\n\nhome.example 7000 8000:udp  # and the last:\n9000\n");
  assert.deepEqual(readKnockFile(path), ["-d", "200", "--verify", "22", "home.example", "7000", "8000:udp", "9000"]);
});

for (const mode of [0o640, 0o604, 0o644, 0o620])
  test(`a file with mode ${mode.toString(8)} is refused, with advice`, () => {
    const path = file("open.knock", "h 1\n", mode);
    assert.throws(() => readKnockFile(path), {
      message: new RegExp(`^error: ${path}: other users .*\nRun: chmod 600 ${path}$`),
    });
  });

test("a file that cannot be used is named in the error", () => {
  assert.throws(() => readKnockFile(join(directory, "none")), /none: No such file or directory$/);
  assert.throws(() => readKnockFile(directory), /: it is not a file$/);
  assert.throws(() => readKnockFile(file("empty.knock", "# nothing\n")), /empty.knock: it is empty; /);
});

test("a name stands for a file in the user's configuration directory", () => {
  fs.mkdirSync(join(directory, "knock"));
  const path = file("knock/home.knock", "h 1\n");
  process.env.XDG_CONFIG_HOME = directory;
  assert.equal(fileOfName("home"), path);
  assert.equal(fileOfName("away"), undefined);
  assert.equal(fileOfName("../knock/home"), undefined);
});
