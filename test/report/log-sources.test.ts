import assert from "node:assert/strict";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { file, journal, type Log, packedOtherwise, syslogs } from "../../src/report/read/log-sources.ts";

const DAY_MS = 86_400_000;
const NOW = Date.now();

async function content(log: Log): Promise<{ text: string; read: number }> {
  let [text, read] = ["", 0];
  for await (const chunk of log.open((bytes) => (read += bytes))) text += chunk.toString("latin1");
  return { text, read };
}

describe("logs", () => {
  let dir: string;
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "logs-"))));
  afterEach(() => rmSync(dir, { recursive: true }));

  function put(name: string, bytes: string | Buffer, daysOld = 0): string {
    const path = join(dir, name);
    writeFileSync(path, bytes);
    utimesSync(path, (NOW - daysOld * DAY_MS) / 1000, (NOW - daysOld * DAY_MS) / 1000);
    return path;
  }

  it("are files, compressed or not, and progress counts the bytes on disk", async () => {
    const text = "x\xff\n".repeat(100_000);
    assert.deepEqual(await content(file(put("a", Buffer.from(text, "latin1")))), { text, read: 300_000 });
    const packed = gzipSync(Buffer.from(text, "latin1"));
    const log = file(put("a.gz", packed, 3));
    assert.equal(log.size, packed.length);
    assert.ok(Math.abs(log.written - (NOW / 1000 - 3 * 86_400)) < 1);
    assert.deepEqual(await content(log), { text, read: packed.length });
  });

  it("that cannot be read cause an error, whatever the reason", async () => {
    assert.throws(() => file(join(dir, "none")), { code: "ENOENT" });
    await assert.rejects(content(file(dir)), { code: "EISDIR" });
    await assert.rejects(content(file(put("torn.gz", gzipSync("x".repeat(1000)).subarray(0, 15)))), {
      code: "Z_BUF_ERROR",
    });
  });

  it("are decompressed by their contents, not their name, and a truncated one counts up to its end", async () => {
    const text = "a line\n".repeat(3);
    assert.equal((await content(file(put("no.gz", text)))).text, text);
    assert.equal((await content(file(put("syslog.1", gzipSync(text))))).text, text);
    let read = "";
    await assert.rejects(
      async () => {
        for await (const chunk of file(put("torn.gz", gzipSync(text.repeat(40)).subarray(0, -9))).open(() => {}))
          read += chunk.toString();
      },
      { code: "Z_BUF_ERROR" },
    );
    assert.equal(read, text.repeat(40));
  });

  it("compressed by other programs, or encoded differently, are refused with a command that helps", async () => {
    for (const [name, head, words] of [
      ["a.xz", "\xfd7zXZ\0", "packed with xz: xzcat FILE"],
      ["syslog.1", "\x28\xb5\x2f\xfd", "packed with zstd: zstdcat FILE"],
      ["a.bz2", "BZh9", "packed with bzip2: bzcat FILE"],
      ["a.zip", "PK\x03\x04", "a zip archive: unzip -p FILE"],
      ["a.journal", "LPKSHHRH", "a journal file: journalctl -o short-iso --file FILE"],
      ["a.txt", "\xff\xfeN\0", "UTF-16 text: iconv -f utf16 -t utf8 FILE"],
    ] as const) {
      const path = put(name, Buffer.from(`${head} rest`, "latin1"));
      await assert.rejects(content(file(path)), { message: `${path} is ${words} | knockctl report -` });
    }
  });

  it("of syslogd that are compressed by other programs than gzip are named, not read", () => {
    for (const name of ["kern.log", "kern.log.1.xz", "syslog-20261123.zst", "ufw.log.3.bz2", "auth.log.1.xz"])
      put(name, "");
    put("kern.log.2.xz", "", 9);
    const since = NOW / 1000 - 5 * 86_400;
    assert.deepEqual(
      syslogs(dir, since).map(({ name }) => basename(name)),
      ["kern.log"],
    );
    assert.deepEqual(
      packedOtherwise(dir, since).map((path) => basename(path)),
      ["kern.log.1.xz", "syslog-20261123.zst", "ufw.log.3.bz2"],
    );
  });

  it("of syslogd may be rotated with any form of date", () => {
    for (const name of ["syslog-2026-11-23", "syslog-2026112312.gz", "syslog.20261123", "syslog-20261123-1763900000"])
      put(name, "");
    assert.equal(syslogs(dir, 0).length, 4);
  });

  it("of syslogd are kern.log for the kernel and syslog for knockd, with rotated ones that are recent enough", () => {
    put("kern.log", "");
    put("kern.log.1", "", 3);
    put("kern.log.2.gz", "", 9);
    put("syslog", "");
    put("syslog-20261123.gz", "", 1);
    for (const name of ["syslog.old", "auth.log", "kern.logs", "mysyslog"]) put(name, "");
    const found = syslogs(dir, NOW / 1000 - 5 * 86_400).map(({ name, lines }) => `${basename(name)}: ${lines}`);
    assert.deepEqual(found, ["kern.log: kernel", "kern.log.1: kernel", "syslog: knockd", "syslog-20261123.gz: knockd"]);
  });

  it("of syslogd without kern.log are syslog", () => {
    put("syslog", "");
    assert.deepEqual(
      syslogs(dir, 0).map(({ lines }) => lines),
      ["all"],
    );
  });

  it("of syslogd include ufw.log, unless its lines are also in the kernel's log", () => {
    put("kern.log", "Nov 24 12:20:18 door kernel: other\n");
    put("ufw.log", "Nov 24 12:20:18 door kernel: [UFW BLOCK] IN=eth0\n");
    put("ufw.log.1", "");
    put("ufw.log.old", "");
    const found = () => syslogs(dir, 0).map(({ name, lines }) => `${basename(name)}: ${lines}`);
    assert.deepEqual(found(), ["kern.log: kernel", "ufw.log: kernel", "ufw.log.1: kernel"]);
    put("kern.log", "Nov 24 12:20:18 door kernel: [UFW BLOCK] IN=eth0\n");
    assert.deepEqual(found(), ["kern.log: kernel"]);
  });

  it("of syslogd without these files are messages", () => {
    put("messages", "");
    put("messages.0.gz", "");
    const found = syslogs(dir, 0).map(({ name, lines }) => `${basename(name)}: ${lines}`);
    assert.deepEqual(found, ["messages: all", "messages.0.gz: all"]);
    put("syslog", "");
    assert.equal(syslogs(dir, 0).length, 1);
  });

  it("of syslogd that have no such lines hide no log that has them", () => {
    const found = () => syslogs(dir, 0).map(({ name, lines }) => `${basename(name)}: ${lines}`);
    const packet = "Nov 24 12:20:18 door kernel: DROP IN=eth0 OUT= SRC=192.0.2.9 DST=192.0.2.1\n";
    put("messages", packet);
    put("kern.log", "");
    put("syslog.1", "Nov 24 12:20:18 door cron[9]: other\n");
    put("ufw.log", packet);
    assert.deepEqual(found(), ["messages: kernel", "syslog.1: knockd", "ufw.log: kernel"]);
    put("messages", `${packet}Nov 24 12:20:18 door knockd: 192.0.2.9: ssh: Stage 1\n`);
    assert.deepEqual(found(), ["messages: all", "ufw.log: kernel"]);
    put("syslog", packet);
    assert.deepEqual(found(), ["syslog: kernel", "syslog.1: kernel", "messages: knockd", "ufw.log: kernel"]);
    put("kern.log", packet.replace("DROP", "[UFW BLOCK]"));
    assert.deepEqual(found(), ["kern.log: kernel", "messages: knockd"]);
  });

  it("that journalctl refuses cause an error with its message", async () => {
    const path = process.env.PATH;
    writeFileSync(join(dir, "journalctl"), '#!/bin/sh\necho "$@"\necho "no such luck" >&2\nexit 1\n', { mode: 0o755 });
    process.env.PATH = `${dir}:${path}`;
    try {
      await assert.rejects(content(journal(1.5, 2.5, NOW, [])), { message: "journalctl: no such luck" });
      writeFileSync(join(dir, "journalctl"), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
      assert.equal(
        (await content(journal(1.5, 2.5, NOW, []))).text,
        "--quiet --no-pager --output=short-unix --since=@1 --until=@3 _TRANSPORT=kernel + SYSLOG_IDENTIFIER=knockd\n",
      );
      const { text } = await content(journal(undefined, undefined, NOW, ["ulogd", "x y"]));
      assert.ok(
        text.endsWith(
          " _TRANSPORT=kernel + SYSLOG_IDENTIFIER=knockd + SYSLOG_IDENTIFIER=ulogd + SYSLOG_IDENTIFIER=x y\n",
        ),
      );
      const whole = await content(journal(undefined, undefined, NOW, undefined));
      assert.equal(whole.text, "--quiet --no-pager --output=short-unix\n");
      process.env.PATH = "/nonexistent";
      await assert.rejects(content(journal(undefined, undefined, NOW, [])), { code: "ENOENT", path: "journalctl" });
    } finally {
      process.env.PATH = path;
    }
  });
});
