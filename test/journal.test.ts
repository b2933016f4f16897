// Tests the ledger's file on a slow disk: the event loop does not block, a write survives a kill at once and a power
// cut after its fsync, and the file does not grow without bound.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, beforeEach, describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Journal } from "../src/doors/journal.ts";
import { dueIn, type LedgerEntry, parseLedger } from "../src/doors/ledger-entry.ts";
import { LedgerLines } from "../src/doors/ledger-lines.ts";

const dir = fs.mkdtempSync(join(tmpdir(), "journal-"));
after(() => fs.rmSync(dir, { recursive: true }));

/** The next fsyncs end only when the test says so. */
class SlowDisk {
  readonly #every: FileHandle;
  readonly #originals: Pick<FileHandle, "datasync" | "sync">;
  #pending: { real: () => Promise<void>; resolve: () => void; reject: (error: Error) => void }[] = [];

  private constructor(every: FileHandle) {
    this.#every = every;
    this.#originals = { datasync: every.datasync, sync: every.sync };
    const disk = this;
    for (const name of ["datasync", "sync"] as const) {
      const original = this.#originals[name];
      every[name] = function (this: FileHandle) {
        return new Promise<void>((resolve, reject) => {
          disk.#pending.push({ real: () => original.call(this), resolve, reject });
        });
      };
    }
  }

  static async begin(): Promise<SlowDisk> {
    const handle = await open(dir);
    await handle.close();
    return new SlowDisk(Object.getPrototypeOf(handle));
  }

  get pending(): number {
    return this.#pending.length;
  }

  /** Ends the waiting fsyncs, successfully or with an error. */
  async goOn(error?: Error): Promise<void> {
    for (const { real, resolve, reject } of this.#pending.splice(0)) {
      if (error !== undefined) reject(error);
      else await real().then(resolve, reject);
    }
  }

  async end(): Promise<void> {
    Object.assign(this.#every, this.#originals);
    await this.goOn();
  }
}

let disk: SlowDisk;
let path: string;
let lines: LedgerLines;
let journal: Journal;
const troubles: string[] = [];
const onDisk: number[] = [];
let id = 0;

const entry = (stopCommand = "stop"): LedgerEntry => ({
  ...{ id: ++id, door: "door", ip: "10.77.0.2", stopCommand, commandTimeout: 0, due: dueIn(10) },
});
const there = () => parseLedger(fs.readFileSync(path)).map((one) => one.id);
/** What would be left after SIGKILL at this moment. */
const isThere = (...ids: number[]) => fs.existsSync(path) && `${there()}` === `${ids}`;
async function until(isTrue: () => boolean): Promise<void> {
  for (let turns = 0; !isTrue(); turns++) {
    assert.ok(turns < 1e6, "it never comes");
    await turn();
  }
}
function add(one: LedgerEntry): { isSaved: boolean } {
  lines.set(one);
  return save();
}
function close(number: number): { isSaved: boolean } {
  lines.delete(number);
  return save();
}
function save(): { isSaved: boolean } {
  journal.change();
  const state = { isSaved: false };
  void journal.save()!.then(() => (state.isSaved = true));
  return state;
}

beforeEach(async () => {
  path = join(fs.mkdtempSync(join(dir, "d")), "ledger");
  lines = new LedgerLines();
  troubles.length = 0;
  onDisk.length = 0;
  id = 0;
  journal = new Journal(path, lines, {
    there: "nothing",
    onDisk: async (upTo) => void onDisk.push(upTo),
    onTrouble: (error) => troubles.push(`${error}`),
  });
  disk = await SlowDisk.begin();
});
afterEach(async () => {
  await disk.end();
  for (const number of lines.ids()) lines.delete(number);
  journal.change();
  await journal.save();
});

describe("a journal", () => {
  it("passes each change to the kernel immediately, and is on disk after its own fsync", async () => {
    const first = add(entry());
    await until(() => isThere(1) && disk.pending === 2); // one for the file and one for the directory
    const second = add(entry());
    await until(() => isThere(1, 2));
    assert.deepEqual([first.isSaved, second.isSaved], [false, false]);
    await disk.goOn();
    await until(() => first.isSaved && disk.pending === 1);
    assert.equal(second.isSaved, false);
    await disk.goOn();
    await until(() => second.isSaved);
    assert.deepEqual(onDisk, [1, 2]);
  });

  it("uses one fsync for all changes that came during another", async () => {
    add(entry());
    await until(() => disk.pending === 2);
    const many = Array.from({ length: 1000 }, () => add(entry()));
    await until(() => fs.existsSync(path) && there().length === 1001);
    await disk.goOn();
    await until(() => disk.pending === 1);
    await disk.goOn();
    await until(() => many.every(({ isSaved }) => isSaved));
    assert.equal(disk.pending, 0);
  });

  it("is removed with the last entry, on disk before that is reported", async () => {
    add(entry());
    await until(() => disk.pending === 2);
    const closed = close(1);
    await disk.goOn();
    await until(() => !fs.existsSync(path) && disk.pending === 1);
    assert.equal(closed.isSaved, false);
    await disk.goOn();
    await until(() => closed.isSaved);
    assert.deepEqual(fs.readdirSync(join(path, "..")), []);
  });

  it("is removed with the last entry, even if that closes while the file is being renamed", async () => {
    const opened = add(entry());
    for (; !opened.isSaved; await turn()) await disk.goOn();
    add({ ...entry(), id: 1 });
    const closed = close(1);
    for (; !closed.isSaved; await turn()) await disk.goOn();
    assert.equal(fs.existsSync(path), false);
  });

  it("accepts a new entry while the last one is being removed", async () => {
    add(entry());
    await until(() => disk.pending === 2);
    close(1);
    await disk.goOn();
    const again = add(entry());
    await until(() => isThere(2));
    for (; !again.isSaved; await turn()) await disk.goOn();
    assert.ok(isThere(2));
  });

  it("is compacted, and contains all changes from that time at every moment", async () => {
    await disk.end();
    const stays = [entry("x".repeat(20_000)), entry()];
    for (const one of stays) add(one);
    let most = 0;
    for (let round = 0; round < 300; round++) {
      const passing = entry();
      add(passing);
      const changed = add({ ...stays[0]! });
      await until(() => changed.isSaved);
      assert.ok(isThere(1, 2, passing.id), `round ${round}: ${there()}`);
      const closed = close(passing.id);
      await until(() => closed.isSaved);
      most = Math.max(most, fs.statSync(path).size);
    }
    assert.ok(most < 2 * (1 << 20) && most > 1 << 20, `${most} bytes`);
    await journal.save();
    assert.ok(isThere(1, 2));
    assert.deepEqual(troubles, []);
  });

  it("is rewritten completely after the disk has failed, and nothing waits for a failing disk", async () => {
    add(entry());
    await until(() => disk.pending === 2);
    const second = add(entry());
    await disk.goOn(new Error("broken"));
    await until(() => second.isSaved);
    assert.deepEqual([troubles, onDisk], [["Error: broken"], []]);
    const third = add(entry());
    for (; !third.isSaved; await turn()) await disk.goOn();
    assert.ok(isThere(1, 2, 3));
    assert.deepEqual(fs.readdirSync(join(path, "..")), ["ledger"]);
    assert.deepEqual(onDisk, [3]);
  });

  for (const [what, lose] of [
    ["removed", () => fs.rmSync(path)],
    ["moved away", () => fs.renameSync(path, `${path}.old`)],
    ["replaced", () => fs.renameSync(path, `${path}.old`) ?? fs.writeFileSync(path, "other")],
    ["removed with its directory", () => fs.rmSync(join(path, ".."), { recursive: true })],
  ] as const) {
    it(`is rewritten completely if its file was ${what}`, async () => {
      await disk.end();
      for (const one of [add(entry()), add(entry())]) await until(() => one.isSaved);
      lose();
      const third = add(entry());
      await until(() => third.isSaved && isThere(1, 2, 3));
      const fourth = close(2);
      await until(() => fourth.isSaved && isThere(1, 3));
      assert.deepEqual(troubles, []);
    });
  }

  it("replaces what another user has left in its place, and follows no link", async () => {
    await disk.end();
    const target = join(path, "..", "target");
    fs.symlinkSync(target, path);
    fs.symlinkSync(target, `${path}.new`);
    const first = add(entry());
    await until(() => first.isSaved);
    const second = add(entry());
    await until(() => second.isSaved);
    assert.ok(isThere(1, 2));
    assert.equal(fs.lstatSync(path).isFile(), true);
    assert.equal(fs.existsSync(target), false);
  });
});

describe("a journal with 65,000 entries", () => {
  it("passes a new one to the kernel within a few turns, even while it is being compacted", async () => {
    await disk.end();
    for (let i = 0; i < 65_000; i++) lines.set(entry());
    const all = save();
    await until(() => all.isSaved);
    // All entries are changed again and again, and meanwhile the file is rewritten.
    for (let round = 0; round < 3; round++) for (let i = 1; i <= 65_000; i++) lines.set({ ...lines.get(i)! });
    const before = fs.statSync(path).ino;
    const changed = save();
    let longest = 0;
    let last = performance.now();
    while (!changed.isSaved || fs.statSync(path).ino === before) {
      await turn();
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
      if (changed.isSaved) for (let i = 1; i <= 1000; i++) lines.set({ ...lines.get(i)! });
      if (changed.isSaved) journal.change();
      if (changed.isSaved) void journal.save();
    }
    assert.ok(longest < 1000, `a turn of ${longest} ms`); // a piece takes 1 ms, all at once 100 ms
    await journal.save();
    assert.equal(there().length, 65_000);
  });
});
