// Tests when the stop commands of open doors run. Their order after the start commands: doorkeeper.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { DoorCloser } from "../src/doors/door-closer.ts";
import type { LedgerEntry } from "../src/doors/ledger-entry.ts";
import { nullLedger } from "../src/doors/null-ledger.ts";
import { OpenDoors } from "../src/doors/open-doors.ts";
import { SerialQueues } from "../src/doors/serial-queues.ts";
import { parseAddress } from "../src/net/address.ts";
import { VirtualClock } from "../src/replay/virtual-clock.ts";
import { CommandRunner } from "../src/runner/runner.ts";

const knocker = parseAddress("10.77.0.2")!;

class Scene {
  readonly clock = new VirtualClock();
  readonly seen: string[] = [];
  /** The ids of the entries that the ledger had to remove. */
  readonly removed: number[] = [];
  readonly open = new OpenDoors(() => this.clock.now / 1000);
  readonly queues = new SerialQueues();
  readonly closer: DoorCloser;
  /** The later times that the ledger recorded: ids and seconds. */
  readonly moved: string[] = [];
  /** Can commands be started? */
  works = true;
  /** The statuses with which commands end, or the seconds that each takes. */
  readonly statuses: number[] = [];
  takes = 0;

  constructor(isMarked = false) {
    const now = () => this.clock.now / 1000;
    const after = (seconds: number, callback: () => void) => this.clock.after(seconds, callback);
    const onEvent = ({ type }: { type: string }) => void (type === "closing" && this.seen.push(`${now()} closing`));
    const run = async (command: string) => {
      if (!this.works) throw Object.assign(new Error("spawn EAGAIN"), { code: "EAGAIN" });
      this.seen.push(`${now()} ${command}`);
      if (this.takes > 0) await new Promise<void>((resolve) => after(this.takes, resolve));
      return { status: this.statuses.shift() ?? 0, stderrHead: "" };
    };
    this.closer = new DoorCloser({
      after,
      now,
      onEvent,
      ledger: {
        ...nullLedger(),
        remove: (id) => void this.removed.push(id),
        move: (ids, seconds) => void this.moved.push(`${ids} ${seconds}`),
        isMarked: () => isMarked,
      },
      open: this.open,
      queues: this.queues,
      runner: new CommandRunner({ run, after, now, onEvent }),
    });
  }

  entry(id: number): LedgerEntry {
    const due = { wall: 0, boot: 0, bootId: "another" };
    return { id, door: "door", ip: "10.77.0.2", stopCommand: `stop ${id}`, commandTimeout: 0, parallel: true, due };
  }

  /** Runs everything that is due until then, in seconds. */
  async pass(seconds: number): Promise<void> {
    const end = this.clock.now + 1000 * seconds;
    for (let turns = 0; turns < 1000; turns++) {
      await turn();
      if (this.clock.due > end) break;
      this.clock.advanceTo(this.clock.due);
      this.clock.runNext();
    }
    this.clock.advanceTo(end);
  }
}

describe("a door closer", () => {
  it("runs each stop command once, in the order of the start commands, when the time is over", async () => {
    const scene = new Scene();
    const open = scene.closer.add(scene.entry(1), knocker);
    scene.closer.add(scene.entry(2), knocker);
    scene.closer.closeLater(open, 10);
    assert.equal(scene.closer.toClose, 2);
    await scene.pass(9);
    assert.deepEqual(scene.seen, []);
    await scene.pass(2);
    assert.deepEqual(scene.seen, ["10 closing", "10 stop 1", "10 stop 2"]);
    assert.deepEqual([scene.removed, scene.closer.toClose, scene.open.size], [[1, 2], 0, 0]);
  });

  it("never closes a door earlier than was promised", async () => {
    const scene = new Scene();
    const open = scene.closer.add(scene.entry(1), knocker);
    scene.closer.closeLater(open, 10);
    scene.closer.closeLater(open, 5);
    await scene.pass(9);
    assert.deepEqual(scene.seen, []);
    await scene.pass(1);
    assert.equal(scene.seen.length, 2);
  });

  it("retries a stop command that could not be started, because the door is open", async () => {
    const scene = new Scene();
    scene.works = false;
    scene.closer.closeLater(scene.closer.add(scene.entry(1), knocker), 1);
    await scene.pass(2);
    assert.deepEqual([scene.removed, scene.closer.toClose], [[], 1]);
    scene.works = true;
    await scene.pass(10);
    assert.deepEqual([scene.seen.at(-1), scene.removed, scene.closer.toClose], ["6 stop 1", [1], 0]);
  });

  it("closes overdue doors of an earlier run immediately, and skips those that it had begun to close", async () => {
    const scene = new Scene();
    scene.closer.recover([scene.entry(7)]);
    await scene.pass(0);
    assert.deepEqual(scene.seen, ["0 closing", "0 stop 7"]);
    const marked = new Scene(true);
    marked.closer.recover([marked.entry(7)]);
    await marked.pass(1);
    assert.deepEqual([marked.seen, marked.removed, marked.open.size], [[], [7], 0]);
  });

  it("at shutdown runs all pending stop commands, or leaves them to the next start", async () => {
    const scene = new Scene();
    scene.closer.closeLater(scene.closer.add(scene.entry(1), knocker), 100);
    scene.closer.leave("close");
    await scene.queues.drain();
    assert.deepEqual(scene.seen, ["0 stop 1"]);
    assert.deepEqual(scene.moved, ["1 100", "1 0"], "the next life would close it at once");
    const kept = new Scene();
    kept.closer.closeLater(kept.closer.add(kept.entry(1), knocker), 1);
    kept.closer.leave("keep");
    await kept.pass(10);
    assert.deepEqual([kept.seen, kept.removed, kept.closer.toClose], [[], [], 1]);
  });

  it("at shutdown closes what a start command has just opened", async () => {
    const scene = new Scene();
    const open = scene.closer.add(scene.entry(1), knocker);
    scene.closer.leave("keep");
    scene.closer.closeLater(open, 1);
    await scene.pass(10);
    assert.deepEqual([scene.seen, scene.moved], [[], []]);
    const closing = new Scene();
    closing.closer.leave("close");
    closing.closer.closeLater(closing.closer.add(closing.entry(2), knocker), 100);
    await closing.queues.drain();
    assert.deepEqual(closing.seen, ["0 stop 2"]);
    assert.deepEqual(closing.moved, ["2 0"], "the next life would close it at once");
  });

  it("at shutdown counts a stop command that could not be started as left over", async () => {
    const scene = new Scene();
    scene.works = false;
    scene.closer.closeLater(scene.closer.add(scene.entry(1), knocker), 100);
    scene.closer.leave("close");
    await scene.queues.drain();
    await scene.pass(60);
    assert.deepEqual([scene.removed, scene.closer.toClose, scene.seen], [[], 1, []]);
  });

  it("returns the first status that is not 0, or undefined if a command could not be started", async () => {
    const scene = new Scene();
    scene.statuses.push(0, 3, 4);
    const open = scene.closer.add(scene.entry(1), knocker);
    for (const id of [2, 3]) scene.closer.add(scene.entry(id), knocker);
    assert.equal(await scene.closer.close(open), 3);
    scene.works = false;
    assert.equal(await scene.closer.close(scene.closer.add(scene.entry(4), knocker)), undefined);
  });

  it("keeps a door open that was opened again after its time and before its turn", async () => {
    const scene = new Scene();
    const open = scene.closer.add(scene.entry(1), knocker);
    let done = () => {};
    scene.queues.enqueue(open.key, () => new Promise<void>((resolve) => (done = resolve))); // the door's start command
    scene.closer.closeLater(open, 1);
    await scene.pass(2);
    scene.closer.closeLater(open, 10);
    done();
    await scene.pass(5);
    assert.deepEqual(scene.seen, []);
    await scene.pass(10);
    assert.deepEqual(scene.seen, ["12 closing", "12 stop 1"]);
  });

  it("does not undo a start command that was not run", () => {
    const scene = new Scene();
    const entry = scene.entry(1);
    scene.closer.remove(scene.closer.add(entry, knocker), entry);
    assert.deepEqual([scene.removed, scene.closer.toClose, scene.open.size], [[1], 0, 0]);
  });
});
