// Tests which group besides root has access: its number, and how its sockets get it.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { makeGroupDirectory, readers } from "../src/control/group-access.ts";
import { needsRoot } from "./live/wire.ts";

const dir = fs.mkdtempSync(join(tmpdir(), "readers-"));
after(() => fs.rmSync(dir, { recursive: true }));

describe("the group that may use the socket", () => {
  const groups: [what: string, file: string, number: number | undefined][] = [
    ["is found by its name", "root:x:0:\nknockd:x:123:joe\nother:x:124:\n", 123],
    ["is the first of that name", "knockd:x:5:\nknockd:x:6:\n", 5],
    ["is not one with a longer name", "knockd2:x:5:\nmy-knockd:x:6:\n", undefined],
    ["is none without a number", "knockd:x::\n", undefined],
    ["is none with words in its place", "knockd:x:joe:\n", undefined],
    ["is not root's", "knockd:x:0:\n", undefined],
    ["is none in an empty file", "", undefined],
  ];
  for (const [what, text, number] of groups) {
    it(what, () => {
      const file = join(dir, "group");
      fs.writeFileSync(file, text);
      assert.equal(readers(file), number);
    });
  }

  it("does not exist without the file", () => assert.equal(readers(join(dir, "no-such")), undefined));

  it("has its own directory inside root's, made once", { skip: needsRoot }, () => {
    const place = join(dir, "place");
    fs.mkdirSync(place, { mode: 0o700 });
    const own = join(place, "group");
    const seen = (path: string) => [fs.statSync(path).mode & 0o7777, fs.statSync(path).gid];
    for (let times = 0; times < 2; times++) makeGroupDirectory(123, own);
    assert.deepEqual(
      [seen(place), seen(own)],
      [
        [0o711, 0],
        [0o750, 123],
      ],
    );
    fs.chmodSync(own, 0o2700);
    makeGroupDirectory(124, own);
    assert.equal(fs.statSync(own).gid, 124);
    assert.equal(fs.statSync(own).mode & 0o770, 0o750);
    assert.throws(() => makeGroupDirectory(123, join(dir, "no-such", "group")), /ENOENT/);
  });
});
