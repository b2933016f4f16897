import assert from "node:assert/strict";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { file, journal, type Log, syslogs } from "../../src/report/read/log-sources.ts";

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

  it("are files, packed or not, whose bytes are counted as they lie on the disk", async () => {
    const text = "x\xff\n".repeat(100_000);
    assert.deepEqual(await content(file(put("a", Buffer.from(text, "latin1")))), { text, read: 300_000 });
    const packed = gzipSync(Buffer.from(text, "latin1"));
    const log = file(put("a.gz", packed, 3));
    assert.equal(log.size, packed.length);
    assert.ok(Math.abs(log.written - (NOW / 1000 - 3 * 86_400)) < 1);
    assert.deepEqual(await content(log), { text, read: packed.length });
  });

  it("that can't be read are an error, in whichever way", async () => {
    assert.throws(() => file(join(dir, "none")), { code: "ENOENT" });
    await assert.rejects(content(file(dir)), { code: "EISDIR" });
    await assert.rejects(content(file(put("torn.gz", gzipSync("x".repeat(1000)).subarray(0, 15)))), {
      code: "Z_BUF_ERROR",
    });
    await assert.rejects(content(file(put("no.gz", "no gzip"))), { code: "Z_DATA_ERROR" });
  });

  it("of syslogd are kern.log for the kernel and syslog for knockd, with the rotated ones that are young enough", () => {
    put("kern.log", "");
    put("kern.log.1", "", 3);
    put("kern.log.2.gz", "", 9);
    put("syslog", "");
    put("syslog-20261123.gz", "", 1);
    for (const name of ["syslog.old", "syslog.1.xz", "auth.log", "kern.logs", "mysyslog"]) put(name, "");
    const found = syslogs(dir, NOW / 1000 - 5 * 86_400).map(({ name, of }) => `${basename(name)}: ${of}`);
    assert.deepEqual(found, ["kern.log: kernel", "kern.log.1: kernel", "syslog: knockd", "syslog-20261123.gz: knockd"]);
  });

  it("of syslogd without a kern.log are syslog", () => {
    put("syslog", "");
    assert.deepEqual(
      syslogs(dir, 0).map(({ of }) => of),
      ["all"],
    );
  });

  it("of syslogd are ufw.log too, unless its lines are in the kernel's log as well", () => {
    put("kern.log", "Nov 24 12:20:18 door kernel: other\n");
    put("ufw.log", "Nov 24 12:20:18 door kernel: [UFW BLOCK] IN=eth0\n");
    put("ufw.log.1", "");
    put("ufw.log.old", "");
    const found = () => syslogs(dir, 0).map(({ name, of }) => `${basename(name)}: ${of}`);
    assert.deepEqual(found(), ["kern.log: kernel", "ufw.log: kernel", "ufw.log.1: kernel"]);
    put("kern.log", "Nov 24 12:20:18 door kernel: [UFW BLOCK] IN=eth0\n");
    assert.deepEqual(found(), ["kern.log: kernel"]);
  });

  it("of syslogd that has neither are messages", () => {
    put("messages", "");
    put("messages.0.gz", "");
    const found = syslogs(dir, 0).map(({ name, of }) => `${basename(name)}: ${of}`);
    assert.deepEqual(found, ["messages: all", "messages.0.gz: all"]);
    put("syslog", "");
    assert.equal(syslogs(dir, 0).length, 1);
  });

  it("that journalctl refuses are an error with its words", async () => {
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
