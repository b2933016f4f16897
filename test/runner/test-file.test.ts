import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { needsRoot } from "../live/wire.ts";
import { scaled, until } from "../time-limit.ts";
import type { Outcome } from "./outcome.ts";
import { type Limits, repo, runFile } from "./test-file.ts";

const PASSES = 'import { describe, it, test } from "node:test";\ntest("one", () => {});\n';

describe("a test file", () => {
  let dir: string;
  let files = 0;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "runner-"));
  });
  after(() => rmSync(dir, { recursive: true }));

  function run(text: string, limits: Partial<Limits> = {}): Promise<Outcome> {
    const name = `f${++files}`;
    const path = join(dir, `${name}.mjs`);
    writeFileSync(path, text);
    return runFile(path, name, dir, { seconds: scaled(20), graceSeconds: 2, bytes: 2 ** 30, ...limits }).outcome;
  }
  const counts = ({ passed, failed, skipped }: Outcome) => [passed, failed, skipped];

  const cases: [what: string, text: string, counts: number[], faults: RegExp[]][] = [
    ["passes", `${PASSES}describe("suite", () => { it("two", () => {}); });`, [2, 0, 0], []],
    ["skips a test and a suite", `${PASSES}test("x", { skip: "why" });describe("s", { skip: true });`, [1, 0, 2], []],
    [
      "fails in two tests",
      `${PASSES}describe("s", () => { it("two", () => { throw new Error("oh"); }); });test("three", () => { nope; });`,
      [1, 2, 0],
      [/^two\n {2}Error: oh\n {6}at /, /^three\n {2}ReferenceError: nope is not defined/],
    ],
    [
      "fails in a suite's set-up",
      `${PASSES}describe("s", () => { throw new Error("oh"); });`,
      [1, 1, 0],
      [/^s\n {2}Error: oh/],
    ],
    ["has no test", "console.log(1)", [0, 1, 0], [/^no test ran$/]],
    ["can't be loaded", 'import "./nowhere.mjs";', [0, 1, 0], [/status 1 before the last test was done$/]],
    [
      "throws after its last test",
      `${PASSES}setTimeout(() => { throw new Error("late"); }, 50);`,
      [1, 1, 0],
      [/^exit status 1, though no test failed$/],
    ],
  ];
  for (const [what, text, expected, faults] of cases) {
    it(`that ${what} is counted as ${expected.join(", ")}`, async () => {
      const outcome = await run(text);
      assert.deepEqual(counts(outcome), expected, outcome.faults.join("\n"));
      assert.equal(outcome.faults.length, faults.length, outcome.faults.join("\n"));
      for (const [i, fault] of faults.entries()) assert.match(outcome.faults[i]!, fault);
    });
  }

  const deaths: [how: string, text: string, faults: RegExp][] = [
    ["exits with status 0", "process.exit(0)", /^no test ran$|status 0 before the last test was done$/],
    ["crashes", "process.abort()", /^killed by SIGABRT$/],
  ];
  for (const [how, text, fault] of deaths) {
    it(`that ${how} in the middle has failed`, async () => {
      const { failed, faults } = await run(`${PASSES}test("two", () => ${text});test("three", () => {});`);
      assert.deepEqual([failed, faults.length], [1, 1]); // it is random whether the first test is known to have passed
      assert.match(faults[0]!, fault);
    });
  }

  for (const [how, text] of [
    ["waits for ever", "setInterval(() => {}, 1000);"],
    ["loops for ever", 'test("two", () => { for (;;); });'],
    ["ignores SIGTERM", 'process.on("SIGTERM", () => {});setInterval(() => {}, 1000);'],
  ] as const) {
    it(`that ${how} is killed at its time limit`, async () => {
      const outcome = await run(`${PASSES}${text}`, { seconds: 1 });
      assert.equal(outcome.failed, 1);
      assert.deepEqual(outcome.faults, ["not done after 1 s, and killed"]);
    });
  }

  it("that fills a disk is stopped at its limit, as is a program that it runs", async () => {
    const full = join(dir, "full");
    const write = `execFileSync("sh", ["-c", "cat /dev/zero >${full}"])`; // unbounded on purpose
    const text = `import { execFileSync } from "node:child_process";\n${PASSES}test("two", () => ${write});`;
    const outcome = await run(text, { bytes: 2 ** 20 });
    assert.equal(outcome.failed, 1);
    assert.equal(statSync(full).size, 2 ** 20);
  });

  it("shows the end of its output", async () => {
    const outcome = await run(`${PASSES}console.log("x".repeat(100_000) + "the end");console.error("and this");`);
    assert.match(outcome.output, /^… \(all of it: .*\.log\)\nx+the end\nand this\n$/);
  });

  it("leaves no process behind", async () => {
    const pid = join(dir, "pid");
    const text = `import { spawn } from "node:child_process";\nimport { writeFileSync } from "node:fs";\n${PASSES}
      writeFileSync("${pid}", String(spawn("sleep", ["1000"], { stdio: "ignore" }).pid)); setTimeout(() => process.exit(), 100);`;
    await run(text);
    const left = readFileSync(pid, "utf8");
    assert.ok(await until(() => !/\nState:\t[^Z]/.test(statusOf(left)), 5000), statusOf(left));
  });

  it("leaves no network namespace behind, even if it is killed", { skip: needsRoot }, async () => {
    const made = join(dir, "made");
    const wire = JSON.stringify(join(repo, "dist/test/live/wire.js"));
    const text = `import { writeFileSync } from "node:fs";\nimport { Wire } from ${wire};\n${PASSES}test("two", async () => {
      const wire = await Wire.open(); wire.spawn("server", ["sleep", "1000"]);
      writeFileSync("${made}", JSON.stringify(wire.namespaces)); process.kill(process.pid, "SIGKILL"); });`;
    const outcome = await run(text);
    assert.deepEqual(outcome.faults, ["killed by SIGKILL"]);
    for (const name of Object.values(JSON.parse(readFileSync(made, "utf8")))) {
      assert.equal(existsSync(`/run/netns/${name}`), false);
    }
  });
});

describe("a run", () => {
  const runner = join(repo, "dist/test/run.js");
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [runner, ...args], { encoding: "utf8", timeout: scaled(60_000) });
  const last = (text: string) => text.trimEnd().split("\n").at(-1);

  it("prints one line per file, and the counts last", () => {
    const { status, stdout } = run("unit", "dist/test/format.test.js", "test/stamp.test.ts");
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^\[1\/2\] ok {7} +\d+\.\d s {2}(format|stamp): \d+ passed, 0 failed$/m);
    assert.match(stdout, /^Generated tests use seed (\d+); TEST_SEED=\1 repeats them$/m);
    assert.match(last(stdout)!, /^14 passed, 0 failed$/);
  });

  it("names the failed files at its end, and exits with 1", () => {
    const { status, stdout } = run("unit", "test/format.test.ts", "test/nowhere.test.ts");
    assert.equal(status, 1);
    assert.match(stdout, /\n== nowhere failed\n {2}✖ .*\n {2}the end of its output:\n(.*\n)* +.*Cannot find module/);
    assert.match(stdout, /\nFailed files:\n {2}nowhere\n\n.* min\n\d+ passed, 1 failed\n$/);
  });

  it("refuses an unknown argument", () => {
    assert.equal(run("everything").status, 2);
  });
});

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "";
  }
}
