import assert from "node:assert/strict";
import { test } from "node:test";
import { StateCheck } from "../src/daemon/state-check.ts";
import { doorOf } from "./door.ts";

const OPENS = { doors: [doorOf({ startCommand: "wake" })] };
const CLOSES = { doors: [doorOf({ startCommand: "open", stopCommand: "close" })] };
const WITHOUT_FILE = { stateFile: undefined };

function checked(trouble: string | undefined) {
  const said: string[] = [];
  const check = new StateCheck({ warn: (line: string) => void said.push(line) } as never, () => trouble);
  return { check, said };
}

test("doors that only run a command need no state: nothing is logged", () => {
  const { check, said } = checked("Permission denied");
  check.check(OPENS, WITHOUT_FILE);
  assert.deepEqual([check.isStateless, said], [true, []]);
});

test("with a door that closes again, one line says what would be lost, once, even after a reload", () => {
  const { check, said } = checked("Read-only file system");
  check.check(OPENS, WITHOUT_FILE);
  for (let i = 0; i < 2; i++) check.check(CLOSES, WITHOUT_FILE);
  assert.deepEqual(said, [
    "/run/knockd: Read-only file system: if knockd is killed, open doors stay open; knockctl cannot reach this knockd",
  ]);
});

test("if state can be kept, or a StateFile is named, nothing is logged", () => {
  for (const [trouble, stateFile] of [
    [undefined, undefined],
    ["Permission denied", "/data/ledger"],
  ] as const) {
    const { check, said } = checked(trouble);
    check.check(CLOSES, { stateFile });
    assert.deepEqual([check.isStateless, said], [false, []]);
  }
});
