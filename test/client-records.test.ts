import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { ClientRecords } from "../src/codes/client-records.ts";
import { Bench, clientOf, NOON } from "./code-group.ts";

describe("the file of used codes", () => {
  const phone = clientOf();
  let dir: string;
  let path: string;
  let troubles: string[];

  before(() => {
    dir = mkdtempSync(join(tmpdir(), "records-"));
  });
  after(() => rmSync(dir, { recursive: true }));
  beforeEach(() => {
    path = join(dir, "clients.json");
    rmSync(path, { recursive: true, force: true });
    troubles = [];
  });

  const records = (at = path) =>
    new ClientRecords(at, { now: () => 100_000_000, wallClock: () => NOON, onTrouble: (why) => troubles.push(why) });
  /** Uses a code. */
  const use = (one: ClientRecords, at = 0, from?: string) => {
    const bench = new Bench([phone], {}, one.states);
    bench.at = at;
    return bench.guess(bench.code(), from).result;
  };

  it("contains a used code when save resolves, is readable only by root, and leaves no temporary file", async () => {
    writeFileSync(path, `{"version":1,"clients":{},"wrong":{}}`, { mode: 0o644 });
    const one = records();
    assert.equal(use(one), "accepted");
    assert.equal(await one.save(), true);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(dir), ["clients.json"]);
    assert.equal(use(records(), 0, "203.0.113.9"), "replay");
    assert.deepEqual(troubles, []);
  });

  it("contains what was used while it was being written", async () => {
    writeFileSync(path, `{"version":1,"clients":{},"wrong":{}}`);
    const one = records();
    use(one);
    const first = one.save();
    use(one, 30);
    const second = one.save();
    assert.deepEqual(await Promise.all([first, second, one.save()]), [true, true, true]);
    assert.equal(records().states.of(phone).last, one.states.of(phone).last);
    assert.equal(one.states.isChanged, false);
    rmSync(path);
    assert.equal(await one.settled(), true);
    assert.ok(!existsSync(path), "nothing was to be written");
    use(one, 60);
    assert.equal(await one.settled(), true);
    assert.ok(existsSync(path));
  });

  const writable = () => {
    writeFileSync(path, "{}");
    chmodSync(path, 0o666);
  };
  for (const [what, make] of [
    ["is missing", () => {}],
    ["is torn", () => writeFileSync(path, `{"version":1,"cl`)],
    ["is a directory", () => mkdirSync(path)],
    ["is another user's to write", writable],
    ["is a link to nowhere", () => symlinkSync("/nowhere/at/all", path)],
  ] as const) {
    it(`causes the codes of the last minute to be refused if it ${what}, which is reported once`, () => {
      make();
      assert.equal(use(records()), "refused");
      assert.equal(troubles.length, 1);
      assert.match(troubles[0]!, /clients\.json: .+: codes of this minute are refused, and all codes of lists$/);
    });
  }

  it("is written later if it cannot be written now, which is reported once", async () => {
    mkdirSync(path);
    const one = records();
    troubles.length = 0;
    use(one, 60);
    assert.deepEqual([await one.save(), await one.save()], [false, false]);
    assert.equal(troubles.length, 1);
    assert.match(troubles[0]!, /: not a regular file: used codes count again after a restart$/i);
    assert.ok(one.states.isChanged);
    assert.equal(await one.settled(), false);
    rmSync(path, { recursive: true });
    assert.equal(await one.save(), true);
    assert.ok(existsSync(path));
    assert.match(readFileSync(path, "utf8"), /"phone"/);
  });

  it("gets a directory that only root can read", async () => {
    const below = join(dir, "knockd");
    const one = records(join(below, "clients.json"));
    assert.equal(await one.save(), true);
    assert.equal(statSync(below).mode & 0o777, 0o700);
    rmSync(below, { recursive: true });
  });
});
