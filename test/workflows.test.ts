// Tests that the workflows in .github/ are YAML, and that this repository or Debian has each of their commands. npm has
// no YAML parser that we need otherwise, so Debian's python3-yaml reads them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { repo } from "./live/wire.ts";

const LOAD = "import json, sys, yaml; print(json.dumps([yaml.safe_load(open(name)) for name in sys.argv[1:]]))";
const hasYaml = spawnSync("python3", ["-c", "import yaml"]).status === 0;
const skip = hasYaml || process.env.CI ? false : "python3-yaml is not installed";
/** Commands that the runners have, or that an earlier step installs. */
const SYSTEM = ["apt-get", "git"];
const { scripts } = JSON.parse(readFileSync(join(repo, "package.json"), "utf8")) as { scripts: Record<string, string> };

/** The first major version of each action for Node 24. Runners no longer have the Node 20 of older ones. */
const FIRST: Readonly<Record<string, number>> = {
  "actions/checkout": 5,
  "actions/setup-node": 5,
  "actions/upload-artifact": 6,
};

interface Job {
  readonly env?: Readonly<Record<string, string>>;
  readonly container?: object;
  readonly "runs-on"?: string;
  readonly "timeout-minutes"?: number;
  readonly steps: readonly { readonly run?: string; readonly uses?: string }[];
}

function load<T>(folder: string): readonly T[] {
  const files = readdirSync(join(repo, ".github", folder)).map((name) => join(repo, ".github", folder, name));
  const { status, stdout, stderr } = spawnSync("python3", ["-c", LOAD, ...files], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as T[];
}

/** Why a command can't run in a clone of this repository. */
function faultOf(command: string): string | undefined {
  const [program, ...words] = command
    .trim()
    .replace(/^sudo /, "")
    .split(/\s+/);
  if (program === "npm") {
    const name = words[0] === "run" ? words[1]! : words[0]!;
    return scripts[name] === undefined ? `no npm script ${name}` : undefined;
  }
  if (program === "sh" || program === "bash")
    return existsSync(join(repo, words[0]!)) ? undefined : `no file ${words[0]}`;
  return SYSTEM.includes(program!) ? undefined : `${program} is nothing that a runner or this repository has`;
}

function isSupported(uses: string): boolean {
  const [, action = "", version] = /^([\w-]+\/[\w-]+)@v(\d+)$/.exec(uses) ?? [];
  return Number(version) >= (FIRST[action] ?? Number.POSITIVE_INFINITY);
}

const faultsOf = (line: string): readonly string[] =>
  line.split(/&&|\n/).flatMap((command) => (command.trim() === "" ? [] : (faultOf(command) ?? [])));

describe(".github", { skip }, () => {
  it("has workflows in which every command exists", () => {
    const jobs = load<{ readonly jobs: Record<string, Job> }>("workflows").flatMap((one) => Object.values(one.jobs));
    assert.ok(jobs.length >= 3, `${jobs.length} jobs`);
    const lines = jobs.flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));
    assert.ok(lines.includes("bash .ci/run") && lines.includes("npm run release"), lines.join("\n"));
    assert.deepEqual(lines.flatMap(faultsOf), []);
    for (const job of jobs) {
      assert.ok(job["runs-on"] !== undefined && job["timeout-minutes"]! > 0, JSON.stringify(job));
      for (const { run, uses } of job.steps) {
        assert.ok((run === undefined) !== (uses === undefined), "a step runs or uses something");
        if (uses !== undefined) assert.ok(isSupported(uses), uses);
      }
    }
  });

  it("does not claim to be CI where it has no root: tests that need root would fail instead of being skipped", () => {
    const jobs = load<{ readonly jobs: Record<string, Job> }>("workflows").flatMap((one) => Object.values(one.jobs));
    const withoutRoot = jobs.filter(({ container }) => container === undefined);
    assert.ok(withoutRoot.length > 0);
    for (const { env } of withoutRoot) assert.equal(env?.CI, "");
  });

  it("runs the same commands as the owner's CI, which exist", () => {
    accessSync(join(repo, ".ci/run"), constants.X_OK);
    const lines = readFileSync(join(repo, ".ci/run"), "utf8").match(/^npm .*$/gm) ?? [];
    assert.deepEqual(lines, ["npm test", "npm run test:boot"]);
    assert.deepEqual(lines.flatMap(faultsOf), []);
  });

  it("has npm scripts whose files exist", () => {
    const files = Object.values(scripts).flatMap((line) => line.match(/\b(?:scripts|packaging)\/[\w./-]+/g) ?? []);
    assert.ok(files.includes("scripts/setup") && files.includes("packaging/release"));
    assert.deepEqual(
      files.filter((file) => !existsSync(join(repo, file))),
      [],
    );
  });

  it("has forms that ask for the output that explains a fault", () => {
    const forms = load<{ readonly body?: readonly object[] }>("ISSUE_TEMPLATE");
    const text = JSON.stringify(forms);
    for (const command of ["knockctl status", "knockctl check", "knockctl explain"]) assert.ok(text.includes(command));
    assert.equal(forms.filter(({ body }) => (body?.length ?? 0) > 0).length, 2);
  });

  it("and the check finds what it should", () => {
    assert.equal(isSupported("actions/checkout@v4"), false);
    assert.equal(isSupported("actions/checkout@v5"), true);
    assert.equal(isSupported("stranger/action@v9"), false);
    assert.deepEqual(faultsOf("npm run nonsense && bash nowhere\nmake && npm test && sudo apt-get update"), [
      "no npm script nonsense",
      "no file nowhere",
      "make is nothing that a runner or this repository has",
    ]);
  });
});
