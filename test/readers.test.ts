// Who may look beside root: the group's number, and how it comes to the sockets.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { letIn, readers } from "../src/control/readers.ts";
import { needsRoot } from "./live/wire.ts";

const dir = fs.mkdtempSync(join(tmpdir(), "readers-"));
after(() => fs.rmSync(dir, { recursive: true }));

describe("the group that may look", () => {
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

  it("is none where there is no such file", () => assert.equal(readers(join(dir, "no-such")), undefined));

  it("comes as far as the directory, once and again, and its other modes stay", { skip: needsRoot }, () => {
    const place = join(dir, "place");
    fs.mkdirSync(place, { mode: 0o700 });
    for (let times = 0; times < 2; times++) letIn(123, place);
    assert.deepEqual([fs.statSync(place).mode & 0o7777, fs.statSync(place).gid], [0o750, 123]);
    fs.chmodSync(place, 0o2750);
    letIn(123, place);
    assert.equal(fs.statSync(place).mode & 0o7777, 0o2750);
    assert.throws(() => letIn(123, join(dir, "no-such")), /ENOENT/);
  });
});
