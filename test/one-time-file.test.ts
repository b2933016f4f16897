// Tests files of one-time sequences: which comes next, and that no power cut makes a crossed-out sequence count again.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import { open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { bringToDisk, nextOneTime, strikeOut } from "../src/sequences/one-time-file.ts";
import { formatSequence, parseSequence } from "../src/sequences/sequence.ts";

const root = process.getuid?.() === 0;
const dir = fs.mkdtempSync(join(tmpdir(), "one-time-"));
after(() => fs.rmSync(dir, { recursive: true }));
const silent = () => assert.fail("no warning was due");
let files = 0;

/** A file in its own directory. */
function file(content: string, mode = 0o600): string {
  const path = join(fs.mkdtempSync(join(dir, "d")), `sequences-${++files}`);
  fs.writeFileSync(path, content, { encoding: "latin1", mode });
  fs.chmodSync(path, mode);
  return path;
}
const content = (path: string) => fs.readFileSync(path, "latin1");

describe("the next one-time sequence", () => {
  const table: [title: string, content: string, next: string | undefined, ...warnings: string[]][] = [
    ["is the first line", "1,2\n3,4\n", "1:tcp,2:tcp"],
    ["is the first that has no #, wherever that stands", "#1,2\n # 3,4\n\t#5,6\n 7,8:udp \n9\n", "7:tcp,8:udp"],
    ["may end in a CR", "\r\n1,2\r\n", "1:tcp,2:tcp"],
    ["may begin with a tab", "\t1,2\n", "1:tcp,2:tcp"],
    ["needs no newline behind it", "#1\n1 , 2:UDP", "1:tcp,2:udp"],
    ["may have a comment behind it", "1,2 # for Monday\n", "1:tcp,2:tcp"],
    ["is none in an empty file", "", undefined],
    ["is none when all are used", "#1,2\n\n # \n", undefined],
    [
      "is not a line that is no sequence: that one is told, and passed over",
      "x\n 0,1 \n7000:sctp\n70000\n1,2\ny\n",
      "1:tcp,2:tcp",
      'port "x" is invalid (FILE: line 1: x)',
      'port "0" is invalid (FILE: line 2: 0,1)',
      "unknown protocol in knock sequence (FILE: line 3: 7000:sctp)",
      "port 70000 is invalid (FILE: line 4: 70000)",
    ],
    ["is none among lines that are none", "x\n", undefined, 'port "x" is invalid (FILE: line 1: x)'],
  ];
  for (const [title, lines, next, ...warnings] of table) {
    test(title, () => {
      const path = file(lines);
      const told: string[] = [];
      const sequence = nextOneTime(path, (why) => told.push(why.replace(path, "FILE")));
      assert.equal(sequence && formatSequence(sequence), next);
      assert.deepEqual(told, warnings);
      assert.equal(content(path), lines);
    });
  }

  test("of a file that cannot be read causes the system's error", () => {
    assert.throws(() => nextOneTime("/no/such", silent), new Error("/no/such: No such file or directory"));
    assert.throws(() => nextOneTime("/", silent), new Error("/: Is a directory"));
  });

  test("of a file in which nothing could be marked is refused immediately, as by 0.8", () => {
    // The one file that even root may not open for writing: a running program (ETXTBSY). It is ours, so other users may
    // run this test too.
    const program = join(dir, "sleep");
    fs.copyFileSync("/bin/sleep", program);
    const child = spawn(program, ["60"], { stdio: "ignore" });
    assert.throws(() => nextOneTime(program, silent), /: Text file is busy|: Text file busy/i);
    child.kill("SIGKILL");
  });
});

describe("marking a sequence as used", () => {
  const table: [title: string, before: string, used: string, after: string][] = [
    ["puts a # before the digit, and keeps it", "1,2\n3,4\n", "1,2", "#1,2\n3,4\n"],
    ["puts a # in place of a blank", " 1,2\n3,4\n", "1,2", "#1,2\n3,4\n"],
    ["puts a # in place of a tab, and only of the first", "\t 1,2\n", "1,2", "# 1,2\n"],
    ["works on the last line without its newline", "#1\n3,4", "3,4", "#1\n#3,4"],
    ["works on the last line, its blank and no newline", "#1\n 3,4", "3,4", "#1\n#3,4"],
    ["keeps CRs", "#1\r\n1,2\r\n3,4\r\n", "1,2", "#1\r\n#1,2\r\n3,4\r\n"],
    ["passes over comments, empty lines and lines that are none", "# 1,2\n\nx\n1,2\n", "1,2", "# 1,2\n\nx\n#1,2\n"],
    ["keeps every other byte", "# \xc3\xa4\xff\0\n\xff\n1,2\n\xe4", "1,2", "# \xc3\xa4\xff\0\n\xff\n#1,2\n\xe4"],
    ["finds a sequence however it is written", "9\n1 ,2 : UDP\n", "1:tcp,2:udp", "9\n#1 ,2 : UDP\n"],
    ["takes the first of two that are the same", "9\n 1\n1\n", "1", "9\n#1\n1\n"],
    ["does not take one for another", "1,2,3\n1\n1:udp,2\n1,2\n", "1,2", "1,2,3\n1\n1:udp,2\n#1,2\n"],
  ];
  for (const [title, before, used, after] of table) {
    test(title, () => {
      const path = file(before);
      strikeOut(path, parseSequence(used));
      assert.equal(content(path), after);
    });
  }

  test("overwrites a blank in the existing file", () => {
    const path = file(" 1,2\n");
    const { ino } = fs.statSync(path);
    strikeOut(path, parseSequence("1,2"));
    assert.equal(fs.statSync(path).ino, ino);
  });

  for (const [lines, how] of [
    ["1,2\n", "replaced"],
    [" 1,2\n", "overwritten"],
  ] as const) {
    test(`keeps the owner and mode of a file that is ${how}, and leaves no other file behind`, () => {
      const path = file(lines, 0o640);
      if (root) fs.chownSync(path, 1234, 5678);
      const before = fs.statSync(path);
      strikeOut(path, parseSequence("1,2"));
      const { mode, uid, gid } = fs.statSync(path);
      assert.deepEqual({ mode, uid, gid }, { mode: before.mode, uid: before.uid, gid: before.gid });
      assert.deepEqual(fs.readdirSync(join(path, "..")), [basename(path)]);
    });

    test(`follows a symbolic link, and keeps it, if the file is ${how}`, () => {
      const path = file(lines);
      const link = join(fs.mkdtempSync(join(dir, "d")), "link");
      fs.symlinkSync(path, link);
      strikeOut(link, parseSequence("1,2"));
      assert.equal(fs.readlinkSync(link), path);
      assert.equal(content(path), "#1,2\n");
      assert.deepEqual(fs.readdirSync(join(link, "..")), ["link"]);
    });

    test(`throws if the file may not be ${how}, and changes nothing`, () => {
      const path = file(lines);
      // Root can write everything, and Debian 13's Node does not allow changing the user for a moment (io_uring).
      const open = fs.openSync;
      fs.openSync = (name, flags, ...mode) => {
        if ((Number(flags) & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) === 0) return open(name, flags, ...mode);
        throw new Error(`EACCES: permission denied, open '${name}'`);
      };
      syncBuiltinESMExports();
      try {
        assert.throws(() => strikeOut(path, parseSequence("1,2")), /permission denied/i);
      } finally {
        fs.openSync = open;
        syncBuiltinESMExports();
      }
      assert.equal(content(path), lines);
    });
  }

  test("throws if the file, or the sequence in it, no longer exists", () => {
    assert.throws(() => strikeOut("/no/such", parseSequence("1")), new Error("/no/such: No such file or directory"));
    for (const lines of ["", "#1,2\n", "1,3\n", "1,2:udp\n"]) {
      const path = file(lines);
      assert.throws(() => strikeOut(path, parseSequence("1,2")), {
        message: `${path}: the sequence that was just used is no longer in the file`,
      });
      assert.equal(content(path), lines);
    }
  });

  const blanks = fc.constantFrom("", " ", "\t", "  ");
  const port = fc.integer({ min: 1, max: 4 });
  const used = fc.tuple(blanks, fc.array(port, { minLength: 1, maxLength: 2 })).map(([blank, ports]) => blank + ports);
  const line = fc.oneof({ weight: 3, arbitrary: used }, fc.constantFrom("", "# 1", " #2", "x", "  ", "0"));
  test("repeatedly uses each sequence once, from the top, and changes nothing else", () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), fc.constantFrom("\n", "\r\n"), (lines, end) => {
        const path = file(lines.join(end));
        const isSequence = (line: string) => /^\s*[1-4]/.test(line);
        const order: string[] = [];
        for (let next = nextOneTime(path, () => {}); next !== undefined; next = nextOneTime(path, () => {})) {
          order.push(next.map((knock) => knock.port).join());
          assert.ok(order.length <= lines.length, "it never ends");
          strikeOut(path, next);
        }
        assert.deepEqual(
          order,
          lines.filter(isSequence).map((line) => line.trim()),
        );
        const struck = lines.map((line) => (isSequence(line) ? `#${line.replace(/^\s/, "")}` : line));
        assert.equal(content(path), struck.join(end));
      }),
      { numRuns: 40 },
    );
  });
});

describe("before it returns", () => {
  type Calls = Record<string, (...args: unknown[]) => unknown>;
  const seam = fs as unknown as Calls;
  const BOTH = ["writeSync", "writeFileSync", "fchownSync", "fchmodSync", "fsyncSync", "fdatasyncSync", "renameSync"];

  /** The system calls, in order. The call with that number fails, as on a full or broken disk. */
  function calls(work: () => void, failAt = -1, code?: string): string[] {
    const made: string[] = [];
    const originals = BOTH.map((name) => [name, seam[name]!] as const);
    for (const [name, original] of originals) {
      seam[name] = (...args) => {
        const place = typeof args[0] === "number" ? fs.readlinkSync(`/proc/self/fd/${args[0]}`) : `${args[0]}`;
        // writeFileSync is made of writeSync in some versions of Node
        const call = `${name.replace(/(File)?Sync$/, "")} ${basename(place).replace(/-\d+/, "")}`;
        if (made.at(-1) !== call) made.push(call);
        if (made.length - 1 === failAt) throw Object.assign(new Error(`no ${call}`), { code });
        return original.apply(fs, args);
      };
    }
    syncBuiltinESMExports();
    try {
      work();
    } finally {
      for (const [name, original] of originals) seam[name] = original;
      syncBuiltinESMExports();
    }
    return made;
  }

  test("an overwritten blank has been passed to the kernel", () => {
    const path = file(" 1,2\n");
    assert.deepEqual(
      calls(() => strikeOut(path, parseSequence("1,2"))),
      ["write sequences"],
    );
    assert.equal(content(path), "#1,2\n");
  });

  test("a replaced file has its owner and mode, then its contents, then its name", () => {
    const path = file("1,2\n");
    const made = calls(() => strikeOut(path, parseSequence("1,2")));
    const fresh = `.sequences.${process.pid}`;
    assert.deepEqual(made, [...["fchown", "fchmod", "write"].map((call) => `${call} ${fresh}`), `rename ${fresh}`]);
    assert.equal(content(path), "#1,2\n");
  });

  for (const [lines, steps] of [
    [" 1,2\n3,4\n", 1],
    ["1,2\n3,4\n", 4],
  ] as const) {
    test(`a failure at any of ${steps} steps is thrown, and leaves the file unchanged and alone`, () => {
      for (let failAt = 0; failAt < steps; failAt++) {
        const path = file(lines);
        assert.throws(() => calls(() => strikeOut(path, parseSequence("1,2")), failAt), /^Error: \S+: No /);
        assert.ok([lines, "#1,2\n3,4\n"].includes(content(path)), content(path));
        assert.deepEqual(fs.readdirSync(join(path, "..")), [basename(path)]);
      }
    });
  }

  test("a user who may not change a file's owner (CAP_CHOWN) can still mark sequences", () => {
    const path = file("1,2\n", 0o640);
    calls(() => strikeOut(path, parseSequence("1,2")), 0, "EPERM");
    assert.equal(content(path), "#1,2\n");
    assert.equal(fs.statSync(path).mode & 0o7777, 0o640);
  });
});

describe("flushing to disk", () => {
  test("includes the file and its directory, off the event loop", async () => {
    const path = file("1,2\n");
    const handle = await open(path);
    const every = Object.getPrototypeOf(handle) as typeof handle;
    await handle.close();
    const { sync } = every;
    const synced: string[] = [];
    every.sync = function (this: typeof handle) {
      synced.push(basename(fs.readlinkSync(`/proc/self/fd/${this.fd}`)));
      return sync.call(this);
    };
    try {
      await bringToDisk(path);
    } finally {
      every.sync = sync;
    }
    assert.deepEqual(synced, [basename(path), basename(join(path, ".."))]);
  });

  test("is skipped if the file no longer exists, which is reported", () =>
    assert.rejects(bringToDisk("/no/such"), /ENOENT/));
});

describe("in a folder that another user can write", { skip: root ? false : "needs root: sudo npm test" }, () => {
  const [USER, SECRET] = [4242, "root:secret\n"];
  const sequence = parseSequence("1,2");
  /** A file in the folder of that user, and a secret file of root's. */
  function planted(): { path: string; folder: string; secret: string } {
    const path = file("1,2\n3,4\n");
    const folder = join(path, "..");
    const secret = join(dir, `secret-${files}`);
    fs.writeFileSync(secret, SECRET, { mode: 0o600 });
    for (const one of [folder, path]) fs.chownSync(one, USER, USER);
    fs.chmodSync(dir, 0o755);
    return { path, folder, secret };
  }
  function untouched(secret: string): void {
    const { uid, mode } = fs.statSync(secret);
    assert.deepEqual([content(secret), uid, mode & 0o777], [SECRET, 0, 0o600]);
  }

  for (const name of [(base: string) => `${base}.knockd`, (base: string) => `.${base}.${process.pid}`]) {
    test(`a link at ${name("sequences")} is not followed, and the owner of root's file stays`, () => {
      const { path, folder, secret } = planted();
      fs.symlinkSync(secret, join(folder, name(basename(path))));
      strikeOut(path, sequence);
      untouched(secret);
      assert.deepEqual([content(path), fs.statSync(path).uid], ["#1,2\n3,4\n", USER]);
    });
  }

  test("the file may not be a link of that user", () => {
    const { path, secret } = planted();
    fs.rmSync(path);
    fs.symlinkSync(secret, path);
    fs.lchownSync(path, USER, USER);
    assert.throws(() => nextOneTime(path, silent), /symbolic link \(of another user\)/);
    untouched(secret);
  });

  test("the file may not be writable by everyone, nor belong to a third user", () => {
    const { path } = planted();
    fs.chmodSync(path, 0o666);
    assert.throws(() => nextOneTime(path, silent), /Other users can write it/);
    fs.chmodSync(path, 0o600);
    fs.chownSync(path, 77, 77);
    assert.throws(() => nextOneTime(path, silent), /belongs to another user \(uid 77\)/);
  });
});
