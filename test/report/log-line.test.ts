import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LogLine } from "../../src/report/log-line.ts";

const REFERENCE = Date.UTC(2026, 10, 24, 12) / 1000;
const STAMP = "2026-11-24T11:20:18.845+00:00";

function read(line: string): string {
  const log = new LogLine(REFERENCE);
  const speaker = log.read(line);
  return speaker === "kernel" || speaker === "knockd" ? `${speaker} at ${log.host}: ${log.message}` : speaker;
}

describe("a log's line", () => {
  it("is the kernel's or knockd's by its tag", () => {
    assert.equal(read(`${STAMP} door kernel: [ 12.5] x IN=eth0`), "kernel at door: [ 12.5] x IN=eth0");
    assert.equal(read(`${STAMP} door knockd: 1.2.3.4: a: Stage 1`), "knockd at door: 1.2.3.4: a: Stage 1");
    assert.equal(read(`${STAMP} door knockd[731]: 1.2.3.4: a: Stage 1`), "knockd at door: 1.2.3.4: a: Stage 1");
    assert.equal(read("[2026-07-06 19:46] 1.2.3.4: a: Stage 1"), "knockd at : 1.2.3.4: a: Stage 1");
  });

  it("is an object, where knockd's log file has those", () => {
    const line = (time: string, msg: string) => JSON.stringify({ level: 30, time, event: "stage", msg });
    assert.equal(read(line("2026-11-24T11:20:18.845Z", "1.2.3.4: a: Stage 1")), "knockd at : 1.2.3.4: a: Stage 1");
    const torn = line("2026-11-24T11:20:18.845Z", "1.2.3.4: a: Stage 1").slice(0, -1);
    for (const garbage of [
      torn,
      "{}",
      line("soon", "x"),
      '{"time":1,"msg":"x"}',
      '{"time":"2026-11-24T11:20:18Z","msg":{}}',
    ]) {
      assert.equal(read(garbage), "garbage", garbage);
    }
  });

  it("is nobody's that matters here when strangers may have written it", () => {
    const forged = "kernel: IN=eth0 OUT= SRC=8.8.8.8 DST=1.1.1.1 PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0 ";
    assert.equal(read(`${STAMP} door sshd[12]: Invalid user ${forged}`), "other");
    assert.equal(read(`${STAMP} door sshd[12]: Invalid user x knockd: 1.2.3.4: a: OPEN SESAME`), "other");
    assert.equal(read(`${STAMP} door knockd-helper: 1.2.3.4: a: OPEN SESAME`), "other");
    // What journalctl prints of a message with a line's end in it.
    assert.equal(read(`     ${STAMP} door ${forged}`), "garbage");
  });

  it("without a stamp, a host or a tag is garbage", () => {
    for (const line of [
      "",
      "x",
      STAMP,
      `${STAMP} `,
      `${STAMP} door`,
      `${STAMP} door kernel`,
      "-- Boot 3f --",
      "\0\0\0\0",
    ]) {
      assert.equal(read(line), "garbage", line);
    }
  });
});
