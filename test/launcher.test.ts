// Tests native/launcher.cc with fake Nodes: what it loads or executes, and with which arguments. test/boot/ runs it
// with Debian's Node.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { repo } from "./live/wire.ts";
import { scaled } from "./time-limit.ts";

/** Prints whose process it is, and the arguments: those that Node gets, and those that other processes see. */
const TELL = `
#include <fcntl.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
static int Tell(const char* name, int argc, char** argv) {
  char self[4096] = "", seen[4096] = "";
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) return 1;
  printf("%s\\n%s\\n%s\\n", name, self, getenv("KNOCKD_LAUNCHER"));
  bool is_piece = argv[argc] == nullptr;
  for (int i = 0; i < argc; i++) {
    printf("%s|", argv[i]);
    if (i > 0 && argv[i] != argv[i - 1] + strlen(argv[i - 1]) + 1) is_piece = false;
  }
  const long size = read(open("/proc/self/cmdline", O_RDONLY), seen, sizeof seen);
  for (long i = 0; i < size; i++) if (seen[i] == 0) seen[i] = '|';
  printf("\\n%s\\n%s\\n", seen, is_piece ? "in one piece" : "in pieces");
  return 5;
}
`;
const LIBRARY = `${TELL}\nnamespace node { int Start(int argc, char** argv) { return Tell(NAME, argc, argv); } }\n`;
const WITH_LIBRARY =
  "namespace node { int Start(int, char**); }\nint main(int n, char** v) { return node::Start(n, v); }\n";
const ALONE = `${TELL}\nint main(int argc, char** argv) { return Tell("alone", argc, argv); }\n`;
const SCRIPT = "/nonexistent/knockd.js";
const [OPTION] = /--inspect-port=[^"]+/.exec(readFileSync(join(repo, "packaging/bundle.js"), "utf8"))!;

describe("the launcher", () => {
  let dir: string;
  before(() => {
    dir = realpathSync(mkdtempSync(join(tmpdir(), "knockd-launcher-")));
    for (const [name, text] of Object.entries({ LIBRARY, WITH_LIBRARY, ALONE })) writeFileSync(at(`${name}.cc`), text);
    compile("knockd", join(repo, "native/launcher.cc"), `-DNODE="${at("node")}"`, `-DSCRIPT="${SCRIPT}"`);
    for (const number of [108, 115]) {
      const library = `libnode.so.${number}`;
      compile(library, at("LIBRARY.cc"), "-shared", "-fPIC", `-DNAME="${library}"`, `-Wl,-soname,${library}`);
      compile(`node-${number}`, at("WITH_LIBRARY.cc"), at(library));
    }
    compile("alone", at("ALONE.cc"));
  });
  after(() => rmSync(dir, { recursive: true }));

  const at = (name: string) => join(dir, name);

  function compile(program: string, ...argv: readonly string[]): void {
    execFileSync("g++", ["-std=c++17", "-Wall", "-o", at(program), ...argv], { timeout: scaled(60_000) });
  }

  /** Runs it with this program as NODE. */
  function launch(node: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    rmSync(at("node"), { force: true });
    symlinkSync(at(node), at("node"));
    const { status, stdout, stderr } = spawnSync(at("knockd"), args, {
      argv0: "called/knockd",
      encoding: "utf8",
      env: { LD_LIBRARY_PATH: dir, ...env },
      timeout: scaled(20_000),
    });
    return { status, lines: stdout.split("\n"), stderr };
  }

  const words = (...list: string[]) => list.map((word) => `${word}|`).join("");
  const given = (...args: string[]) => words("called/knockd", OPTION, SCRIPT, ...args);

  it("runs Node in its own process, by the installed Node's library", () => {
    // The second one is as after an upgrade.
    for (const number of [108, 115]) {
      const { status, lines, stderr } = launch(`node-${number}`, ["-d", "", "-i eth0"]);
      assert.deepEqual(lines, [
        `libnode.so.${number}`,
        at("knockd"),
        at("knockd"),
        given("-d", "", "-i eth0"),
        words("called/knockd", "-d", "", "-i eth0"),
        "in one piece",
        "",
      ]);
      assert.deepEqual([status, stderr], [5, ""]);
    }
  });

  it("passes on its own path, whatever the environment contains", () => {
    const [, , launcher] = launch("node-115", [], { KNOCKD_LAUNCHER: "/tmp/other" }).lines;
    assert.equal(launcher, at("knockd"));
  });

  it("executes a Node without a library", () => {
    const { status, lines, stderr } = launch("alone", ["-d", ""]);
    const both = given("-d", "");
    assert.deepEqual(lines, ["alone", at("alone"), at("knockd"), both, both, "in one piece", ""]);
    assert.deepEqual([status, stderr], [5, ""]);
  });

  for (const [library, what] of [
    ["libnode.so.1", "cannot be loaded"],
    ["libnode.so.2", "has no such function"],
  ] as const) {
    it(`executes a Node whose library ${what}`, () => {
      compile("libnode.so.2", at("ALONE.cc"), "-shared", "-fPIC");
      writeFileSync(at("script"), `#!/bin/sh\n# ${library}\0\nexec ${at("alone")} "$@"\n`, { mode: 0o755 });
      const { status, lines, stderr } = launch("script", ["-d"]);
      assert.deepEqual([lines[0], lines[3]], ["alone", words(at("alone"), OPTION, SCRIPT, "-d")]);
      assert.deepEqual([status, stderr], [5, ""]);
    });
  }

  it("prints one line if there is no Node", () => {
    const { status, lines, stderr } = launch("none", ["-V"]);
    assert.deepEqual([status, lines], [1, [""]]);
    assert.equal(stderr, `knockd: ${at("node")}: No such file or directory\n`);
  });
});
