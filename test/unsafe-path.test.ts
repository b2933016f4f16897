// Tests that paths which another user can write, replace or create first are found, and that root's own are not
// reported.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readConfig } from "../src/config/read.ts";
import { lintUnsafePaths, whyUnsafe } from "../src/lint/unsafe-path.ts";
import { needsRoot } from "./live/wire.ts";

const OTHER = 4242;

describe("a path", { skip: needsRoot }, () => {
  const dir = fs.mkdtempSync(join(tmpdir(), "unsafe-"));
  after(() => fs.rmSync(dir, { recursive: true }));
  let made = 0;
  /** A directory of that owner and mode, with a file in it if one is requested. */
  function place(uid: number, mode: number, file?: { uid: number; mode: number }): string {
    const directory = join(dir, `${++made}`);
    fs.mkdirSync(directory);
    const path = join(directory, "file");
    if (file !== undefined) {
      fs.writeFileSync(path, "");
      fs.chownSync(path, file.uid, file.uid);
      fs.chmodSync(path, file.mode);
    }
    fs.chownSync(directory, uid, uid);
    fs.chmodSync(directory, mode);
    return path;
  }
  const OURS = { uid: 0, mode: 0o600 };
  const cases: [what: string, path: () => string, trusted: RegExp | undefined, log: RegExp | undefined][] = [
    ["in a directory of root's", () => place(0, 0o755), undefined, undefined],
    ["that is there, of root's", () => place(0, 0o755, OURS), undefined, undefined],
    ["in a directory that is not there", () => join(dir, "nowhere", "x"), undefined, undefined],
    ["that is a device", () => "/dev/null", undefined, undefined],
    ["below where knockd is started", () => "relative/path", undefined, undefined],
    ["to be made in /tmp", () => place(0, 0o1777), /^other users can create it in /, /^other users can create it in /],
    ["of root's in /tmp", () => place(0, 0o1777, OURS), undefined, undefined],
    [
      "of another user in /tmp",
      () => place(0, 0o1777, { uid: OTHER, mode: 0o600 }),
      /belongs to another user \(uid 4242\)$/,
      /belongs to another user \(uid 4242\)$/,
    ],
    ["that all can write", () => place(0, 0o755, { uid: 0, mode: 0o666 }), /other users can write it$/, undefined],
    [
      "in a directory that all can write",
      () => place(0, 0o777, OURS),
      /^other users can write the directory /,
      /^other users can write the directory /,
    ],
    ["in a directory of a group", () => place(0, 0o775, OURS), /^other users can write the directory /, undefined],
    [
      "in another user's directory",
      () => place(OTHER, 0o755, OURS),
      /belongs to another user/,
      /belongs to another user/,
    ],
  ];
  for (const [what, path, trusted, log] of cases) {
    it(`${what}: ${trusted ?? "nothing"}; as a log: ${log ?? "nothing"}`, () => {
      const one = path();
      for (const [said, why] of [
        [whyUnsafe(one), trusted],
        [whyUnsafe(one, true), log],
      ] as const) {
        if (why === undefined) assert.equal(said, undefined);
        else assert.match(said ?? "nothing", why);
      }
    });
  }

  it("below a directory that another user can replace is unsafe at any depth", () => {
    const outer = join(place(OTHER, 0o755), "..");
    fs.mkdirSync(join(outer, "in"));
    assert.match(whyUnsafe(join(outer, "in", "file"))!, /belongs to another user/);
  });

  it("is checked where its link leads", () => {
    const target = place(0, 0o777, OURS);
    const link = join(dir, "link");
    fs.symlinkSync(target, link);
    assert.match(whyUnsafe(link)!, /^other users can write the directory /);
  });

  it("is found in each directive that names a path, with its line", () => {
    const shared = join(place(0, 0o1777), "..");
    fs.writeFileSync(join(dir, "sequences"), "1,2,3\n", { mode: 0o600 });
    const file = join(dir, "knockd.conf");
    fs.writeFileSync(
      file,
      `[options]\nStateFile = ${shared}/s\nPidFile = ${shared}/p\nLogFile = ${shared}/l\n[a]\nsequence = 1,2,3\n[b]\nOne_Time_Sequences = ${dir}/sequences\n`,
      { mode: 0o600 },
    );
    const found = lintUnsafePaths(readConfig(file));
    assert.deepEqual(
      found.map(({ lint, line }) => [lint, line]),
      [2, 3, 4].map((line) => ["unsafe-path", line]),
    );
    assert.match(found[0]!.text, /:2: \[options\] other users can create it in \S+ before knockd does$/);
  });
});
