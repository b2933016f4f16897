// Tests the replacement of a file: whole or not at all, with the requested mode and owner, and never through a planted
// link.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { replaceFile } from "../src/platform/replace-file.ts";
import { writeOutput } from "../src/platform/write-output.ts";

const top = fs.mkdtempSync(join(tmpdir(), "replace-"));
after(() => fs.rmSync(top, { recursive: true }));
let dir: string;
let path: string;
let target: string;
beforeEach(() => {
  dir = fs.mkdtempSync(join(top, "d"));
  path = join(dir, "file");
  target = join(dir, "target");
  fs.writeFileSync(target, "untouched", { mode: 0o600 });
});
const text = (of = path) => fs.readFileSync(of, "utf8");
const mode = (of = path) => fs.statSync(of).mode & 0o7777;
const temporary = () => join(dir, `.file.${process.pid}`);
const onlyHere = (...names: string[]) => assert.deepEqual(fs.readdirSync(dir).sort(), [...names, "target"].sort());

describe("a file that is replaced", () => {
  it("has the new text and mode, whatever the umask, and leaves no temporary file", () => {
    for (const wanted of [0o600, 0o640, 0o664]) {
      replaceFile(path, `${wanted}`, { mode: wanted });
      assert.deepEqual([text(), mode()], [`${wanted}`, wanted]);
      onlyHere("file");
    }
  });

  it("replaces a link and does not follow it, neither the final nor the temporary file", () => {
    fs.symlinkSync(target, path);
    fs.symlinkSync(target, temporary());
    replaceFile(path, "new", { mode: 0o644 });
    assert.deepEqual(
      [text(), fs.lstatSync(path).isFile(), text(target), mode(target)],
      ["new", true, "untouched", 0o600],
    );
    onlyHere("file");
  });

  it("stays unchanged if the new one cannot be made", () => {
    fs.writeFileSync(path, "old");
    fs.mkdirSync(temporary());
    assert.throws(() => replaceFile(path, "new", { mode: 0o644 }));
    assert.equal(text(), "old");
  });

  it("may not be a device: /dev/null is not replaced", () => {
    assert.throws(() => replaceFile("/dev/null", "1\n", { mode: 0o644 }), /not a regular file/);
    assert.equal(fs.lstatSync("/dev/null").isCharacterDevice(), true);
  });

  it("gets its owner before its contents", { skip: process.geteuid!() !== 0 && "needs root" }, () => {
    replaceFile(path, "new", { mode: 0o640, owner: { uid: 1234, gid: 5678 } });
    const { uid, gid } = fs.statSync(path);
    assert.deepEqual([uid, gid, mode()], [1234, 5678, 0o640]);
  });
});

describe("what a command writes with -o", () => {
  it("is a new file that everyone may read, or keeps the mode of the existing file", () => {
    const umask = process.umask(0o022);
    writeOutput(path, "new");
    process.umask(umask);
    assert.deepEqual([text(), mode()], ["new", 0o644]);
    fs.chmodSync(path, 0o600);
    writeOutput(path, "newer");
    assert.deepEqual([text(), mode()], ["newer", 0o600]);
    onlyHere("file");
  });

  it("goes to a device, and keeps it a device", () => {
    writeOutput("/dev/null", "x");
    assert.equal(fs.lstatSync("/dev/null").isCharacterDevice(), true);
  });

  it("does not follow another user's link", { skip: process.geteuid!() !== 0 && "needs root" }, () => {
    fs.symlinkSync(target, path);
    fs.lchownSync(path, 4242, 4242);
    assert.throws(() => writeOutput(path, "x"), /symbolic link/);
    assert.equal(text(target), "untouched");
    onlyHere(basename(path));
  });
});
