// Tests knockd --can-listen: may this process capture? As root, without the capability, and as a user with nothing
// else.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { scaled } from "../time-limit.ts";
import { repo } from "./wire.ts";

const KNOCKD = [process.execPath, join(repo, "dist/src/knockd.js"), "--can-listen"];
const WITHOUT = "setpriv --bounding-set -net_raw --inh-caps -net_raw".split(" ");
const USER =
  "setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps -all,+net_raw --ambient-caps -all,+net_raw --bounding-set -all,+net_raw".split(
    " ",
  );

function ask(before: readonly string[], ...args: string[]) {
  const [file = "", ...rest] = [...before, ...KNOCKD, ...args];
  const { status, stdout, stderr } = spawnSync(file, rest, { encoding: "utf8", timeout: scaled(20_000) });
  return { status, stdout, stderr };
}

const skip = process.getuid?.() !== 0 && !process.env.CI && "needs root: sudo npm test";
describe("knockd --can-listen", { skip }, () => {
  const yes = { status: 0, stdout: "", stderr: "" };

  test("root can", () => {
    assert.deepEqual(ask([], "-i", "lo"), yes);
    assert.deepEqual(ask([], "-i", "any"), yes);
    assert.deepEqual(ask([]), yes);
  });

  test("a user with CAP_NET_RAW alone can", () => {
    assert.deepEqual(ask(USER, "-i", "lo"), yes);
  });

  test("no user can without CAP_NET_RAW", () => {
    const { status, stderr } = ask(WITHOUT, "-i", "lo");
    assert.equal(status, 1);
    assert.match(stderr, /^could not open lo: lo: You don't have permission .*\n$/);
  });

  test("a missing interface is named", () => {
    assert.deepEqual(ask([], "-i", "lo,nope0"), {
      ...yes,
      status: 1,
      stderr: "could not open nope0: there is no such interface\n",
    });
  });
});
