// Tests what the help texts of all commands have in common.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { repo } from "./live/wire.ts";

const help = (...words: string[]) =>
  execFileSync(process.execPath, [join(repo, "dist/src/knockctl.js"), ...words, "--help"], { encoding: "utf8" });
const commandsOf = (text: string) =>
  [...text.matchAll(/^ {2}([a-z][a-z-]*) {2,}(\S.*)$/gm)].map(([, name, summary]) => [name!, summary!] as const);
const OVERVIEW = help();
const COMMANDS = commandsOf(OVERVIEW);
/** A group of commands describes each of them separately. */
const ALL = COMMANDS.flatMap(([name]) => {
  const text = help(name);
  return text.startsWith(`Usage: knockctl ${name} COMMAND`) ? commandsOf(text).map(([one]) => [name, one]) : [[name]];
});

describe("knockctl --help", () => {
  it("lists init first, and each command with a purpose that begins with a verb", () => {
    assert.equal(COMMANDS[0]![0], "init");
    assert.ok(COMMANDS.length >= 15, OVERVIEW);
    for (const [name, summary] of COMMANDS) assert.match(summary, /^[A-Z][a-z]+ [^?]+[^.?]$/, name);
  });

  it("fits 80 columns", () => assert.deepEqual(tooWide(OVERVIEW), []));
});

describe("knock --help and knockd --help", () => {
  for (const program of ["knock", "knockd"]) {
    it(`${program} fits 80 columns, and has an example and exit statuses`, () => {
      const argv = [join(repo, `dist/src/${program}.js`), "--help"];
      const text = execFileSync(process.execPath, argv, { encoding: "utf8" });
      assert.deepEqual(tooWide(text), []);
      assert.match(text, /^examples?: +.*\n[\s\S]*\nexit status: .*\n+$/m);
    });
  }
});

for (const words of ALL) {
  const name = words.join(" ");
  describe(`knockctl ${name} --help`, () => {
    const text = help(...words);

    it("fits 80 columns", () => assert.deepEqual(tooWide(text), []));

    it("has an example, and ends with the exit statuses", () => {
      assert.match(text, new RegExp(`^Examples?:\n(?: {2}.*\n)*? {2}.*knockctl ${name}`, "m"));
      assert.match(text, /^Exit status.*:\n(?: {2}.*\n)+\n*$/m);
      assert.ok(text.indexOf("Exit status") > text.indexOf("Example"));
    });

    it("has no more than eight options under one heading", () => {
      const blocks = text.split("\n\n").map((block) => ({ block, options: block.match(/^ {2}-/gm)?.length ?? 0 }));
      assert.deepEqual(
        blocks.filter(({ options }) => options > 8),
        [],
      );
    });
  });
}

it("knockctl.1 lists every finding that check --help lists", () => {
  const text = help("check");
  const list = text.slice(text.indexOf("Findings by"), text.indexOf("Examples:"));
  const findings = [...list.matchAll(/^ {2}([a-z0-9-]+) {2,}\S/gm)].map(([, name]) => name!);
  assert.ok(findings.includes("clients") && findings.includes("gate-allow"), list);
  const manual = readFileSync(join(repo, "packaging/man/knockctl.1"), "utf8");
  assert.deepEqual(
    findings.filter((name) => !manual.includes(`\n.It ${name}\n`)),
    [],
  );
});

function tooWide(text: string): string[] {
  return text.split("\n").filter((line) => line.length > 80);
}
