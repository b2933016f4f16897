// Tests that `npm pack` pins every package that is installed with ours, by version and hash, and none that only we
// need.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import { repo } from "./live/wire.ts";

const dir = mkdtempSync(join(tmpdir(), "shrinkwrap-"));
after(() => rmSync(dir, { recursive: true }));

interface Entry {
  readonly version?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

it("npm's tarball pins what it installs", () => {
  mkdirSync(join(dir, "packaging"));
  for (const file of ["package.json", "package-lock.json", "packaging/shrinkwrap.js"]) {
    copyFileSync(join(repo, file), join(dir, file));
  }
  execFileSync(process.execPath, [join(dir, "packaging/shrinkwrap.js")]);
  const read = (file: string) => JSON.parse(readFileSync(join(dir, file), "utf8"));
  const shrinkwrap: Record<string, Entry> = read("npm-shrinkwrap.json").packages;
  const locked: Record<string, Entry> = read("package-lock.json").packages;
  const { "": root, ...packages } = shrinkwrap;
  assert.deepEqual(root!.dependencies, locked[""]!.dependencies);
  assert.equal(root!.devDependencies, undefined);
  for (const name of Object.keys(root!.dependencies!)) assert.ok(packages[`node_modules/${name}`], name);
  for (const [path, { version, integrity, dev }] of Object.entries(packages)) {
    assert.deepEqual(
      [path, version, integrity, dev],
      [path, locked[path]!.version, locked[path]!.integrity, undefined],
    );
    assert.match(integrity!, /^sha512-/);
  }
  const { files, scripts } = read("package.json");
  assert.ok(files.includes("npm-shrinkwrap.json"));
  assert.match(scripts.prepack, /node packaging\/shrinkwrap\.js$/);
});
