// Checks what users read outside docs/ (docs.test.ts): help, messages, manual pages and the package's files. None of it
// contains the words that give away translated English.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { repo } from "./live/wire.ts";
import { AVOIDED } from "./markdown.ts";

const BROUGHT = ["packaging/man", "packaging/debian", "examples", "systemd", "knockd.conf.example"];
const STRING = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;

const read = (file: string): string => readFileSync(join(repo, file), "utf8");

function walk(file: string): readonly string[] {
  if (!statSync(join(repo, file)).isDirectory()) return [file];
  return readdirSync(join(repo, file)).flatMap((name) => walk(join(file, name)));
}

/** `where: line` for each line with such a word. */
function faults(where: string, text: string): readonly string[] {
  return text
    .split("\n")
    .filter((line) => AVOIDED.test(line))
    .map((line) => `${where}: ${line.trim()}`);
}

function help(program: string, ...command: readonly string[]): string {
  const argv = [join(repo, `dist/src/${program}.js`), ...command, "--help"];
  return execFileSync(process.execPath, argv, { encoding: "utf8", stdio: "pipe" });
}

describe("plain English is used", () => {
  it("in files of the packages", () => {
    assert.deepEqual(
      BROUGHT.flatMap(walk).flatMap((file) => faults(file, read(file))),
      [],
    );
  });

  it("in each --help", () => {
    const commands = [...help("knockctl").matchAll(/^ {2}([a-z][a-z-]+) {2,}\S/gm)].map(([, name]) => name!);
    assert.ok(commands.includes("explain") && commands.includes("init"), `${commands}`);
    const texts = [["knockd"], ["knock"], ["knockctl"], ...commands.map((name) => ["knockctl", name])] as const;
    assert.deepEqual(
      texts.flatMap(([program, ...command]) => faults([program, ...command].join(" "), help(program!, ...command))),
      [],
    );
  });

  it("in the messages of src/", () => {
    const files = walk("src").filter((file) => file.endsWith(".ts"));
    const strings = (text: string) => text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, "").match(STRING) ?? [];
    assert.deepEqual(
      files.flatMap((file) => strings(read(file)).flatMap((text) => faults(file, text))),
      [],
    );
  });

  it("and the check finds what it should", () => {
    assert.deepEqual(faults("x", "he knocks\nthe client knocks\none line per door, one a line"), [
      "x: he knocks",
      "x: one line per door, one a line",
    ]);
  });
});
