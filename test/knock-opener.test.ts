// Tests what happens before a door opens: the one-time sequence is crossed out, and that is on the disk.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import type { Door } from "../src/config/door.ts";
import { KnockOpener } from "../src/doors/knock-opener.ts";
import type { DoorNotice } from "../src/events/door-event.ts";
import { parseAddress } from "../src/net/address.ts";
import type { OneTimeFiles } from "../src/sequences/one-time-file.ts";
import { formatSequence } from "../src/sequences/sequence.ts";
import { clientOf } from "./code-group.ts";
import { doorOf } from "./door.ts";
import { scaled, until } from "./time-limit.ts";

const knocker = parseAddress("10.77.0.2")!;
const sequenceOf = (...ports: number[]) => ports.map((port) => ({ protocol: "tcp" as const, port }));
const THREE_FOUR = sequenceOf(3, 4);
const once = doorOf({ name: "once", sequence: sequenceOf(1, 2), oneTimeSequences: "/once" });

/** All actions, in order. */
function openerOf(files: Partial<OneTimeFiles>, keepCodes?: () => Promise<boolean>) {
  const seen: string[] = [];
  const notices: DoorNotice[] = [];
  const opened: Door[] = [];
  const opener = new KnockOpener({
    doors: () => ({
      letIn: ({ name }) => {
        seen.push(`let in ${name}`);
        return "opened";
      },
      open: (door, _knocker, _onDone, letIn) => {
        seen.push(`open ${door.name}${letIn ? `, ${letIn}` : ""}`);
        opened.push(door);
      },
    }),
    files: {
      strikeOut: (path, used) => void seen.push(`strike out ${formatSequence(used)} in ${path}`),
      nextOneTime: () => THREE_FOUR,
      ...files,
    },
    onNotice: (notice) => void notices.push(notice),
    onUsed: (door, next) => {
      assert.equal(door, once);
      seen.push(`next ${next && formatSequence(next.sequence)}`);
    },
    keepCodes,
  });
  return { opener, seen, notices, opened };
}

const STRUCK = "strike out 1:tcp,2:tcp in /once";

describe("opening a door for a knock", () => {
  it("has a knock expected only where it opens the door at once", () => {
    const expected: string[] = [];
    const opener = new KnockOpener({
      doors: () => ({
        letIn: () => undefined,
        open() {},
        expect: ({ name }) => void expected.push(name),
        endExpectation: () => void expected.push("end"),
      }),
      files: { strikeOut() {}, nextOneTime: () => undefined },
      onNotice() {},
      onUsed() {},
    });
    const ports = { ports: [], seconds: 30, prefix6: 128 };
    const knock = { source: knocker, destination: knocker, port: 1, protocol: 6, flags: 2, soonest: 0, latest: 1 };
    for (const door of [once, doorOf({ name: "command" }), doorOf({ name: "open", opening: ports })])
      opener.expect(door, knock);
    opener.expect({ ...once, opening: ports }, knock);
    opener.endExpectation();
    assert.deepEqual(expected, ["open", "end"]);
  });

  it("lets the client in immediately at a door that the kernel opens, unless it is a one-time door", () => {
    const { opener, seen } = openerOf({});
    const opening = { ports: [{ protocol: "tcp", low: 22, high: 22 }], seconds: 30, prefix6: 128 } as const;
    const ssh = doorOf({ name: "ssh", opening });
    assert.equal(opener.letIn(doorOf({ name: "command" }), knocker), undefined);
    assert.equal(opener.letIn({ ...once, opening }, knocker), undefined);
    opener.open(ssh, knocker, opener.letIn(ssh, knocker));
    assert.deepEqual(seen, ["let in ssh", "open ssh, opened"]);
  });

  it("does not touch any file without one-time sequences", () => {
    const { opener, seen } = openerOf({ bringToDisk: () => assert.fail() });
    opener.open(doorOf({ name: "ssh" }), knocker);
    assert.deepEqual(seen, ["open ssh"]);
  });

  it("marks the sequence as used and takes the next one before the door opens", () => {
    const { opener, seen, notices } = openerOf({});
    opener.open(once, knocker);
    assert.deepEqual(seen, [STRUCK, "next 3:tcp,4:tcp", "open once"]);
    assert.deepEqual(notices, []);
  });

  it("waits for the disk", async () => {
    let written = () => {};
    const { opener, seen } = openerOf({ bringToDisk: () => new Promise((resolve) => (written = resolve)) });
    opener.open(once, knocker);
    assert.deepEqual(seen, [STRUCK, "next 3:tcp,4:tcp"]);
    written();
    assert.ok(await until(() => seen.includes("open once"), 2000));
  });

  it("does not wait for a hanging disk longer than a client would notice", async () => {
    const { opener, seen } = openerOf({ bringToDisk: () => new Promise(() => {}) });
    opener.open(once, knocker);
    assert.ok(await until(() => seen.includes("open once"), 2000));
  });

  it("opens the door, and reports it, if the disk accepts nothing", async () => {
    const error = Object.assign(new Error("EIO"), { code: "EIO", errno: -5, syscall: "fsync" });
    const { opener, seen, notices } = openerOf({ bringToDisk: () => Promise.reject(error) });
    opener.open(once, knocker);
    assert.ok(await until(() => seen.includes("open once"), 2000));
    assert.equal(notices[0]!.type, "use not on disk");
  });

  it("disables the door if no sequence is left, and reports it", () => {
    const { opener, seen, notices } = openerOf({ nextOneTime: () => undefined });
    opener.open(once, knocker);
    assert.deepEqual(seen, [STRUCK, "next undefined", "open once"]);
    assert.deepEqual(notices, [{ type: "sequences used up", door: "once" }]);
  });

  it("disables the door if the sequence cannot be marked as used, because it would count again", () => {
    const strikeOut = () => {
      throw new Error("read-only");
    };
    const { opener, seen, notices } = openerOf({ strikeOut });
    opener.open(once, knocker);
    assert.deepEqual(seen, ["next undefined", "open once"]);
    assert.deepEqual(notices, [{ type: "not struck out", door: "once", reason: "read-only" }]);
  });
});

describe("opening a door for a code", () => {
  const door = doorOf({
    clients: [clientOf(), clientOf({ name: "paper", kind: "list" })],
    startCommand: "open %CLIENT% %IP% %CLIENT%",
    stopCommand: "close %CLIENT%",
    startCommand6: "open6 %CLIENT%",
    stopCommand6: "close6 %CLIENT%",
  });
  /** Long after the time at which an opening that waits for the disk must have happened. */
  const aWhile = () => sleep(scaled(400));

  it("inserts the client's name into all its commands", async () => {
    const { opener, opened } = openerOf({}, () => Promise.resolve(true));
    opener.open(door, knocker, undefined, "phone");
    assert.ok(await until(() => opened.length === 1, 2000));
    const { startCommand, stopCommand, startCommand6, stopCommand6 } = opened[0]!;
    assert.deepEqual(
      [startCommand, stopCommand, startCommand6, stopCommand6],
      ["open phone %IP% phone", "close phone", "open6 phone", "close6 phone"],
    );
  });

  it("waits until the used code is on disk", async () => {
    let written = (_: boolean) => {};
    const { opener, seen } = openerOf({}, () => new Promise((resolve) => (written = resolve)));
    opener.open(door, knocker, undefined, "phone");
    await turn();
    assert.equal(seen.length, 0);
    written(true);
    assert.ok(await until(() => seen.includes("open ssh"), 2000));
  });

  it("opens even if the disk hangs, because the code is invalid after a minute", async () => {
    const { opener, seen } = openerOf({}, () => new Promise(() => {}));
    opener.open(door, knocker, undefined, "phone");
    assert.ok(await until(() => seen.includes("open ssh"), 2000));
  });

  it("does not open for a code of a list before it is on disk, however long that takes", async () => {
    let written = (_: boolean) => {};
    const { opener, seen, notices } = openerOf({}, () => new Promise((resolve) => (written = resolve)));
    opener.open(door, knocker, undefined, "paper");
    await aWhile();
    assert.equal(seen.length, 0);
    written(true);
    assert.ok(await until(() => seen.includes("open ssh"), 2000));
    assert.deepEqual(notices, []);
  });

  it("does not open for a code of a list that cannot be saved, and reports it; other codes open", async () => {
    const { opener, seen, notices } = openerOf({}, () => Promise.resolve(false));
    opener.open(door, knocker, undefined, "paper");
    assert.ok(await until(() => notices.length === 1, 2000));
    assert.deepEqual([[...seen], notices], [[], [{ type: "code not kept", door: "ssh", client: "paper" }]]);
    opener.open(door, knocker, undefined, "phone");
    assert.ok(await until(() => seen.includes("open ssh"), 2000));
  });
});
