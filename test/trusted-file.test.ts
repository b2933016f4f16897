// Tests which files a daemon that runs as root may trust: owners, modes and directories, and files that are planted in
// /tmp.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { replaceFile } from "../src/platform/replace-file.ts";
import {
  isPlaced,
  openUnlinked,
  requirePlaced,
  requireTrusted,
  whyUntrusted,
  whyUntrustedDirectory,
} from "../src/platform/trusted-file.ts";

const ME = process.geteuid!();
const OTHER = 4242;

describe("an open file", () => {
  const cases: [uid: number, mode: number, why: RegExp | undefined][] = [
    [0, 0o100600, undefined],
    [ME, 0o100644, undefined],
    [ME, 0o100755, undefined],
    [ME, 0o100620, /other users can write it/],
    [ME, 0o100602, /other users can write it/],
    [OTHER, 0o100600, /belongs to another user \(uid 4242\)/],
    [OTHER, 0o100666, /belongs to another user/],
  ];
  for (const [uid, mode, why] of cases) {
    it(`of ${uid}, mode ${mode.toString(8)}: ${why ?? "is trusted"}`, () => {
      const said = whyUntrusted({ uid, mode });
      if (why === undefined) assert.equal(said, undefined);
      else assert.match(said!, why);
    });
  }
});

describe("a directory", () => {
  const cases: [uid: number, mode: number, why: RegExp | undefined][] = [
    [0, 0o40755, undefined],
    [0, 0o41777, undefined],
    [ME, 0o40700, undefined],
    [0, 0o40777, /can write its directory/],
    [0, 0o40775, /can write its directory/],
    [OTHER, 0o40755, /directory belongs to another user/],
    [OTHER, 0o41777, /directory belongs to another user/],
  ];
  for (const [uid, mode, why] of cases) {
    it(`of ${uid}, mode ${mode.toString(8)}: ${why ?? "is trusted"}`, () => {
      const said = whyUntrustedDirectory({ uid, mode });
      if (why === undefined) assert.equal(said, undefined);
      else assert.match(said!, why);
    });
  }
});

describe("a file that an administrator may have placed with a user", () => {
  const cases: [uid: number, directory: [uid: number, mode: number], isPlaced: boolean][] = [
    [0, [0, 0o41777], true],
    [OTHER, [0, 0o40755], true],
    [OTHER, [OTHER, 0o40755], true],
    [OTHER, [0, 0o41777], false],
    [OTHER, [0, 0o40775], false],
    [OTHER, [77, 0o40755], false],
  ];
  for (const [uid, [owner, mode], placed] of cases) {
    it(`of ${uid} in a directory of ${owner}, mode ${mode.toString(8)}: ${placed}`, () =>
      assert.equal(isPlaced({ uid, mode: 0o100600 }, { uid: owner, mode }), placed));
  }
});

describe("opening", { skip: ME === 0 ? false : "needs root: sudo npm test" }, () => {
  const dir = fs.mkdtempSync(join(tmpdir(), "trusted-"));
  after(() => fs.rmSync(dir, { recursive: true }));
  /** As /tmp. */
  const shared = join(dir, "shared");
  fs.mkdirSync(shared);
  fs.chmodSync(shared, 0o1777);
  const secret = join(dir, "secret");
  fs.writeFileSync(secret, "secret");
  const link = (path: string, uid: number) => {
    fs.symlinkSync(secret, path);
    fs.lchownSync(path, uid, uid);
    return path;
  };
  const opens = (path: string) => {
    const file = openUnlinked(path, fs.constants.O_RDONLY);
    fs.closeSync(file);
  };

  it("follows a link of root's, but not of another user", () => {
    opens(link(join(shared, "roots"), 0));
    assert.throws(() => opens(link(join(shared, "others"), OTHER)), /it is a symbolic link \(of another user\)/);
  });

  it("follows no link in a directory where another user could have made it", () => {
    const open = join(dir, "open");
    fs.mkdirSync(open);
    fs.chmodSync(open, 0o777);
    assert.throws(
      () => opens(link(join(open, "roots"), 0)),
      /it is a symbolic link \(other users can write its directory\)/,
    );
  });

  it("does not block on a fifo", () => {
    const fifo = join(dir, "fifo");
    execFileSync("mkfifo", [fifo]);
    opens(fifo);
    assert.throws(() => openUnlinked(fifo, fs.constants.O_WRONLY), /ENXIO/);
  });

  it("does not pass through a directory that is another user's link", () => {
    fs.writeFileSync(join(dir, "in-secret"), "");
    fs.symlinkSync(dir, join(shared, "theirs"));
    fs.lchownSync(join(shared, "theirs"), OTHER, OTHER);
    fs.symlinkSync(dir, join(shared, "ours"));
    opens(join(shared, "ours/in-secret"));
    for (const path of ["theirs/in-secret", "theirs/shared/roots", "theirs/none"])
      assert.throws(
        () => opens(join(shared, path)),
        /its directory \S+theirs is a symbolic link of another user \(uid 4242\)/,
      );
    assert.throws(() => replaceFile(join(shared, "theirs/new"), "x", { mode: 0o600 }), /symbolic link of another user/);
    assert.equal(fs.existsSync(join(dir, "new")), false);
  });

  it("does not trust a hard link that another user may have made, even in a sticky directory", () => {
    const own = join(dir, "own");
    fs.mkdirSync(own, { mode: 0o755 });
    for (const [directory, refused] of [
      [shared, true],
      [own, false],
    ] as const) {
      const path = join(directory, "hard");
      fs.linkSync(secret, path);
      for (const require of [requireTrusted, requirePlaced]) {
        const file = openUnlinked(path, fs.constants.O_RDONLY);
        if (refused) assert.throws(() => require(file, path), /it is a hard link that another user may have made/);
        else require(file, path);
        fs.closeSync(file);
      }
      fs.rmSync(path);
    }
  });

  it("does not trust a file of another user, whatever its mode", () => {
    const path = join(shared, "planted");
    fs.writeFileSync(path, "");
    const file = openUnlinked(path, fs.constants.O_RDONLY);
    requireTrusted(file, path);
    fs.fchownSync(file, OTHER, OTHER);
    assert.throws(() => requireTrusted(file, path), /belongs to another user/);
    fs.closeSync(file);
  });
});
