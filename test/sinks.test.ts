import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { FileSink, SyslogSink, streamSink } from "../src/log/sinks.ts";
import { needsRoot } from "./live/wire.ts";
import { until as isInTime, scaled } from "./time-limit.ts";

describe("a log file", () => {
  const realNow = Date.now;
  const realZone = process.env.TZ;
  let dir: string;
  let path: string;
  let files = 0;
  let troubles: string[];

  before(() => {
    dir = mkdtempSync(join(tmpdir(), "knockd-sinks-"));
  });
  after(() => rmSync(dir, { recursive: true }));
  beforeEach(() => {
    path = join(dir, `log${++files}`);
    troubles = [];
    process.env.TZ = "UTC";
    clock("2016-07-06T19:46:33Z");
  });
  afterEach(() => {
    Date.now = realNow;
    if (realZone === undefined) delete process.env.TZ;
    else process.env.TZ = realZone;
  });

  const clock = (time: string) => (Date.now = () => Date.parse(time));
  const open = (at = path) => new FileSink(at, (why) => troubles.push(why));
  const text = () => readFileSync(path, "utf8");

  it("has a line for each message with date and minute, in order, after the existing text", async () => {
    writeFileSync(path, "before\n");
    const sink = open();
    sink.write("one");
    sink.write("10.77.0.2: a %d \\n door: Stage 1 – ü");
    await undefined;
    assert.equal(text(), "before\n[2016-07-06 19:46] one\n[2016-07-06 19:46] 10.77.0.2: a %d \\n door: Stage 1 – ü\n");
    sink.write("two");
    sink.close();
    assert.ok(text().endsWith("ü\n[2016-07-06 19:46] two\n"));
    assert.deepEqual(troubles, []);
  });

  it("has times with seconds on request", async () => {
    clock("2016-07-06T19:46:03.250Z");
    const sink = new FileSink(path, assert.fail, "second");
    sink.write("one");
    sink.write("two");
    await undefined;
    clock("2016-07-06T19:46:04Z");
    sink.write("three");
    sink.close();
    assert.equal(text(), "[2016-07-06 19:46:03] one\n[2016-07-06 19:46:03] two\n[2016-07-06 19:46:04] three\n");
  });

  const zones: [zone: string, stamp: string][] = [
    ["UTC", "[2016-12-31 23:59]"],
    ["Pacific/Kiritimati", "[2017-01-01 13:59]"],
    ["America/St_Johns", "[2016-12-31 20:29]"],
  ];
  for (const [zone, stamp] of zones) {
    it(`has local times: 23:59 is ${stamp} in ${zone}`, () => {
      process.env.TZ = zone;
      clock("2016-12-31T23:59:59.999Z");
      const sink = open();
      sink.write("line");
      sink.close();
      assert.equal(text(), `${stamp} line\n`);
    });
  }

  it("follows the clock through each minute, an hour repeated at the end of summer time, and a step back by years", () => {
    process.env.TZ = "Europe/Berlin";
    const sink = open();
    for (const time of [
      "2026-10-25T00:59:59.999Z",
      "2026-10-25T01:00:00Z",
      "2026-10-25T01:00:59Z",
      "2026-10-25T02:00:00Z",
      "1970-01-01T00:00:00Z",
    ]) {
      clock(time);
      sink.write("line");
      sink.flush();
    }
    sink.close();
    const stamps = ["2026-10-25 02:59", "2026-10-25 02:00", "2026-10-25 02:00", "2026-10-25 03:00", "1970-01-01 01:00"];
    assert.equal(text(), stamps.map((stamp) => `[${stamp}] line\n`).join(""));
  });

  it("is a new file after it was moved away and reopened; until then the old one is used", () => {
    const old = open();
    old.write("one");
    old.flush();
    renameSync(path, `${path}.1`);
    old.write("two");
    old.close();
    const fresh = open();
    fresh.write("three");
    fresh.close();
    assert.equal(readFileSync(`${path}.1`, "utf8"), "[2016-07-06 19:46] one\n[2016-07-06 19:46] two\n");
    assert.equal(text(), "[2016-07-06 19:46] three\n");
  });

  it("that cannot be opened is reported once, and accepts lines silently", async () => {
    const missing = open(join(dir, "nowhere", "log"));
    for (const line of ["one", "two"]) {
      missing.write(line);
      await undefined;
    }
    missing.close();
    assert.deepEqual(troubles, [`warning: cannot open logfile ${dir}/nowhere/log: No such file or directory`]);
    mkdirSync(path);
    open().close();
    assert.match(troubles[1]!, /: Is a directory$/);
  });

  it("that is new may be read by its group, and by no other user", () => {
    const umask = process.umask(0o022);
    open().close();
    process.umask(umask);
    assert.equal(statSync(path).mode & 0o777, 0o640);
  });

  describe("in /tmp", { skip: process.geteuid!() === 0 ? false : "needs root: sudo npm test" }, () => {
    const secret = () => join(dir, "secret");
    const planted: [what: string, plant: (log: string) => void, why: RegExp][] = [
      [
        "another user's link",
        (log) => symlinkSync(secret(), log),
        /(It is a symbolic link \(of another user\)|Permission denied)$/,
      ],
      ["another user's file", (log) => writeFileSync(log, ""), /It belongs to another user \(uid 4242\)$/],
      ["another user's fifo", (log) => execFileSync("mkfifo", [log]), /No such device or address$/],
    ];
    for (const [what, plant, why] of planted) {
      it(`that is ${what} is not written, which is reported`, () => {
        const shared = mkdtempSync(join(dir, "shared"));
        const log = join(shared, "log");
        chmodSync(shared, 0o1777);
        writeFileSync(secret(), "untouched");
        plant(log);
        lchownSync(log, 4242, 4242);
        const sink = open(log);
        sink.write("line");
        sink.close();
        assert.equal(readFileSync(secret(), "utf8"), "untouched");
        assert.match(troubles[0]!, why);
      });
    }
  });

  it("that could not be opened is tried again with new lines, at most once a second", async () => {
    const [folder, later] = [join(dir, "later"), join(dir, "later", "log")];
    const sink = open(later);
    mkdirSync(folder);
    sink.write("lost");
    await undefined;
    assert.equal(existsSync(later), false);
    await sleep(1100);
    sink.write("back");
    sink.close();
    assert.equal(readFileSync(later, "utf8"), "[2016-07-06 19:46] back\n");
    assert.equal(troubles.length, 1);
  });

  it("on a full disk is reported once, and never throws", async () => {
    const sink = open("/dev/full");
    for (const line of ["one", "two", "three"]) {
      sink.write(line);
      await undefined;
    }
    sink.write("four");
    sink.close();
    assert.deepEqual(troubles, ["warning: cannot write logfile /dev/full: No space left on device"]);
  });

  it("is written again when the disk has room, and reported again when that ends", { skip: needsRoot }, () => {
    const disk = join(dir, "disk");
    mkdirSync(disk);
    const script = `
      import * as fs from "node:fs";
      import { FileSink } from ${JSON.stringify(new URL("../src/log/sinks.js", import.meta.url).href)};
      const fill = () => { try { fs.writeFileSync("filler", Buffer.alloc(1 << 20)); } catch {} };
      const sink = new FileSink("log", (why) => console.log(why));
      for (const line of ["lost", "lost too", "first", "second", "lost", "third"]) {
        if (line === "lost") fill();
        if (line === "first" || line === "third") fs.rmSync("filler");
        sink.write(line + "!".repeat(5000));
        sink.flush();
      }
      sink.close();
      console.log(fs.readFileSync("log", "utf8").replace(/^\\[.{16}] /gm, "").replace(/!+/g, "!"));
    `;
    // Only this process and its children see the mount.
    const inMount = 'mount -t tmpfs -o size=64k disk "$0" && cd "$0" && exec "$@"';
    const argv = ["-m", "sh", "-c", inMount, disk, process.execPath, "--input-type=module", "-e", script];
    const { stdout, stderr, status } = spawnSync("unshare", argv, { encoding: "utf8", timeout: scaled(10_000) });
    const full = "warning: cannot write logfile log: No space left on device";
    assert.deepEqual([stderr, status], ["", 0]);
    // What there was room for of the second line that is lost; on the line after it nothing is missing.
    assert.equal(stdout, `${full}\n${full}\nfirst!\nsecond!\nlost!\nthird!\n\n`);
  });

  it("has a mode that follows the umask", () => {
    const umask = process.umask(0o027);
    open().close();
    process.umask(umask);
    assert.equal(statSync(path).mode & 0o777, 0o640);
  });
});

describe("a stream", () => {
  it("has a line for each message", () => {
    const written: string[] = [];
    const sink = streamSink(
      new Writable({
        decodeStrings: false,
        write(text, _, done) {
          written.push(text);
          done();
        },
      }),
    );
    sink.write("one");
    sink.write("two");
    assert.deepEqual(written, ["one\n", "two\n"]);
  });

  it("whose reader has stopped does not fill the memory, and lines come again when it continues", () => {
    const written: string[] = [];
    const waking: (() => void)[] = [];
    const stream = new Writable({
      decodeStrings: false,
      write(text, _, done) {
        written.push(text);
        waking.push(done);
      },
    });
    const sink = streamSink(stream);
    for (let i = 0; i < 100; i++) sink.write("x".repeat(99_999));
    assert.equal(stream.writableLength, 1_100_000);
    while (waking.length > 0) waking.shift()!();
    assert.equal(written.length, 11);
    sink.write("after");
    assert.equal(written.at(-1), "after\n");
  });

  it("that fails has no other effect", async () => {
    const stream = new Writable({ write: (_text, _encoding, done) => done(new Error("EPIPE")) });
    const sink = streamSink(stream);
    sink.write("one");
    await new Promise((resolve) => stream.once("close", resolve));
    sink.write("two");
  });
});

describe("the system's log", () => {
  /** The requests that arrived, and its answer. */
  let told: string[];
  let answer: "sent" | "full" | "absent";
  let tries: number;
  let sink: SyslogSink;

  beforeEach(() => {
    told = [];
    answer = "sent";
    tries = 0;
    sink = new SyslogSink((line) => {
      tries++;
      if (answer === "sent") told.push(line);
      return answer;
    });
  });

  /** The sink's timer does not keep a process alive, but this one does. */
  async function until(isTrue: () => boolean): Promise<void> {
    assert.ok(await isInTime(isTrue, 5000, 10));
  }

  for (const trouble of ["full", "absent"] as const) {
    it(`has every line in order when it comes back after being ${trouble}`, async () => {
      sink.write("one");
      answer = trouble;
      sink.write("two");
      sink.write("three");
      await until(() => tries > 3); // it retries automatically
      answer = "sent";
      sink.write("four");
      assert.deepEqual(told, ["one"], "four does not overtake");
      await until(() => told.length >= 4);
      sink.write("five");
      assert.deepEqual(told, ["one", "two", "three", "four", "five"]);
    });
  }

  it("keeps a thousand lines for it, and reports how many more there were", () => {
    answer = "full";
    for (let i = 0; i < 1234; i++) sink.write(`${i}`);
    assert.equal(tries, 1, "the others wait without asking");
    sink.flush();
    answer = "sent";
    sink.flush();
    sink.write("after");
    assert.equal(told.length, 1002);
    assert.deepEqual([told[999], ...told.slice(1000)], ["999", "234 lines lost", "after"]);
  });

  it("has each line with the time of its message", () => {
    const times: [string, number][] = [];
    const realNow = Date.now;
    let ready = false;
    const stamped = new SyslogSink((line, time) => {
      if (ready) times.push([line, time]);
      return ready ? "sent" : "absent";
    });
    try {
      Date.now = () => 1_467_834_393_999;
      stamped.write("one");
      Date.now = () => 1_467_834_400_000;
      ready = true;
      stamped.flush();
      stamped.write("two");
    } finally {
      Date.now = realNow;
    }
    assert.deepEqual(times, [
      ["one", 1_467_834_393],
      ["two", 1_467_834_400],
    ]);
  });
});
