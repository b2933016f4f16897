// Tests the ledger of open doors: on the disk when it says so, and no error of it ends the daemon.

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { open as openHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { Ledger } from "../src/doors/ledger.ts";
import { LEDGER_HEAD, openLine, parseLedger, secondsLeft } from "../src/doors/ledger-entry.ts";
import { ledgerPath } from "../src/platform/state-directory.ts";

const dir = fs.mkdtempSync(join(tmpdir(), "ledger-"));
after(() => fs.rmSync(dir, { recursive: true }));
const path = join(dir, "made", "doors");
const told: string[] = [];
const open = (at = path) => new Ledger(at, (why) => told.push(why));
/** Reads what is written, without taking over the file. */
const onDisk = () => parseLedger(fs.readFileSync(path));
const DOOR = { door: "a [b] \n", ip: "10.77.0.2", stopCommand: 'stop "10.77.0.2" % \u00e9', commandTimeout: 60 };

/** Every fsync fails until the returned function is called. */
async function breakDisk(): Promise<() => void> {
  const handle = await openHandle(dir);
  const every = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  const { datasync } = every;
  every.datasync = () => Promise.reject(new Error("no room"));
  return () => void (every.datasync = datasync);
}

beforeEach(() => {
  told.length = 0;
  fs.rmSync(join(dir, "made"), { recursive: true, force: true });
});

describe("a ledger", () => {
  it("exists before anything is done, readable only by its user, and is removed when nothing is open", async () => {
    const ledger = open();
    await ledger.flush();
    assert.equal(fs.existsSync(path), false, "nothing is written where nothing was open");
    const entry = ledger.add(DOOR, 10);
    await ledger.flush();
    assert.equal(fs.statSync(path).mode & 0o777, 0o600);
    assert.equal(fs.statSync(join(dir, "made")).mode & 0o777, 0o700);
    assert.deepEqual(onDisk(), [entry]);
    ledger.remove(entry.id);
    await ledger.flush();
    await ledger.flush();
    assert.deepEqual(fs.readdirSync(join(dir, "made")), []);
    assert.deepEqual(told, []);
  });

  it("contains what was added, moved and removed in a flood, if all saves succeed", async () => {
    const ledger = open();
    const entries = Array.from({ length: 500 }, (_, i) => ledger.add({ ...DOOR, ip: `10.77.0.${i % 250}` }, 1));
    await Promise.all(entries.map(() => ledger.flush()));
    assert.equal(onDisk().length, 500);
    for (const { id } of entries.slice(2)) ledger.remove(id);
    ledger.move([entries[0]!.id], 1000);
    await ledger.flush();
    const [first, second, ...more] = onDisk();
    assert.deepEqual([second, more], [entries[1], []]);
    assert.ok(secondsLeft(first!) > 990);
  });

  it("never reuses the number of an earlier entry or of a leftover marker", async () => {
    const ledger = open();
    const old = ledger.add(DOOR, 1);
    await ledger.flush();
    fs.writeFileSync(ledger.marker(old.id), "");
    fs.writeFileSync(ledger.marker(old.id + 1), "");
    const next = open();
    next.load();
    assert.equal(next.isMarked(old.id), true);
    const added = next.add(DOOR, 1);
    assert.notEqual(added.id, old.id);
    assert.equal(next.isMarked(added.id), false);
    fs.rmSync(path);
    open().load();
    assert.equal(next.isMarked(old.id), false, "without a ledger no marker means anything");
  });

  it("takes over another ledger, except for doors that are being closed", async () => {
    const [other, ledger] = [open(`${path}2`), open()];
    const [a, b] = [other.add(DOOR, 1), other.add({ ...DOOR, ip: "fd77::2" }, 1)];
    await other.flush();
    fs.writeFileSync(other.marker(a.id), "");
    assert.deepEqual(ledger.merge(`${path}2`), [{ ...b, id: 1 }]);
    assert.deepEqual(fs.readdirSync(join(dir, "made")), ["doors"]);
  });

  it("keeps the marker of a closed door while the entry is on disk, so that it is not closed again", async () => {
    const ledger = open();
    const [a, b] = [ledger.add(DOOR, 1), ledger.add(DOOR, 1)];
    await ledger.flush();
    fs.writeFileSync(ledger.marker(a.id), "");
    const mend = await breakDisk();
    ledger.remove(a.id);
    await ledger.flush();
    assert.deepEqual([told.length, open().isMarked(a.id)], [1, true]);
    mend();
    await ledger.flush();
    assert.deepEqual(fs.readdirSync(join(dir, "made")), ["doors"]);
    assert.deepEqual(onDisk(), [b]);
  });

  it("reports once if it cannot be written, and again if it has worked in between", async () => {
    fs.writeFileSync(join(dir, "made"), "in its way");
    const ledger = open();
    ledger.add(DOOR, 1);
    await ledger.flush();
    await ledger.flush();
    assert.equal(told.length, 1);
    assert.match(told[0]!, /^cannot write .*doors: .*: doors still work, but a crash would leave them open$/);
    fs.rmSync(join(dir, "made"));
    await ledger.flush();
    assert.equal(onDisk().length, 1);
  });
});

describe("an invalid ledger is reported and set aside", () => {
  const entry = { id: 1, ...DOOR, due: { wall: 1, boot: 2, bootId: "b" } };
  const good = LEDGER_HEAD + openLine(entry);
  const bad: [what: string, text: string][] = [
    ["torn in its first line", good.slice(0, 5)],
    ["torn in the middle", good.replace("\n{", "\n{\n{")],
    ["of another version", good.replace('"version":2', '"version":3')],
    ["foreign", '{"name":"x"}'],
    ["a list", "[]"],
    ["null", "null"],
    ["with a door that has no address", good.replace('"ip"', '"pi"')],
    ["with a time that is a word", good.replace('"wall":1', '"wall":"soon"')],
    ["bytes", "\0\u0001\ufffd"],
  ];
  for (const [what, text] of bad) {
    it(what, () => {
      fs.mkdirSync(join(dir, "made"), { recursive: true });
      fs.writeFileSync(path, text);
      assert.deepEqual(open().load(), []);
      assert.equal(told.length, 1);
      assert.match(told[0]!, /is not a ledger of open doors .*: renamed to .*doors\.bad/);
      assert.equal(fs.statSync(`${path}.bad`).size, Buffer.byteLength(text));
      assert.equal(fs.existsSync(path), false);
    });
  }

  it("that is huge", () => {
    fs.mkdirSync(join(dir, "made"), { recursive: true });
    fs.writeFileSync(path, "");
    fs.truncateSync(path, 2 ** 30 + 1);
    assert.deepEqual(open().load(), []);
    assert.match(told[0]!, /\(Larger than 1024 MiB\): renamed to/);
  });

  it("below a file, where no directory can be", () => {
    fs.mkdirSync(join(dir, "made"), { recursive: true });
    fs.writeFileSync(path, "");
    assert.deepEqual(open(join(path, "x")).load(), []);
    assert.equal(told.length, 1);
  });

  it("that is a directory", () => {
    fs.mkdirSync(path, { recursive: true });
    assert.deepEqual(open().load(), []);
    assert.equal(told.length, 1);
  });
});

describe("the path of a ledger", () => {
  it("depends on the config and the interfaces", () =>
    assert.equal(ledgerPath("/etc/knockd.conf", "eth0,ppp*"), "/run/knockd/etc-knockd.conf@eth0,ppp*.ledger"));
  it("is different for different configs, however similar", () => {
    const configs = ["/etc/a/b", "/etc/a-b", "/etc/a\\x2db", "/etc/a@b", "/etc/a"];
    assert.equal(new Set(configs.flatMap((one) => ["b", "b@b"].map((words) => ledgerPath(one, words)))).size, 10);
    assert.equal(ledgerPath("/etc/a-b", "eth0"), "/run/knockd/etc-a\\x2db@eth0.ledger");
  });
  it("is never too long for a file name", () =>
    assert.match(ledgerPath(`/${"x".repeat(300)}`, "eth0"), /^\/run\/knockd\/[0-9a-f]{64}\.ledger$/));
});
