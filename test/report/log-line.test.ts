import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LogLine } from "../../src/report/read/log-line.ts";

const REFERENCE = Date.UTC(2026, 10, 24, 12) / 1000;
const STAMP = "2026-11-24T11:20:18.845+00:00";

function read(line: string, log = new LogLine(REFERENCE, REFERENCE - 86_400)): string {
  const speaker = log.read(line);
  return speaker === "kernel" || speaker === "knockd" ? `${speaker} at ${log.host}: ${log.message}` : speaker;
}

describe("a line of a log", () => {
  it("comes from the kernel or knockd by its tag", () => {
    assert.equal(read(`${STAMP} door kernel: [ 12.5] x IN=eth0`), "kernel at door: [ 12.5] x IN=eth0");
    assert.equal(read(`${STAMP} door knockd: 1.2.3.4: a: Stage 1`), "knockd at door: 1.2.3.4: a: Stage 1");
    assert.equal(read(`${STAMP} door knockd[731]: 1.2.3.4: a: Stage 1`), "knockd at door: 1.2.3.4: a: Stage 1");
    assert.equal(read("[2026-07-06 19:46] 1.2.3.4: a: Stage 1"), "knockd at : 1.2.3.4: a: Stage 1");
  });

  it("comes from the kernel in every format of syslogds, the journal and dmesg", () => {
    const said = "[   12.345678] rejected: IN=eth0";
    for (const [line, host] of [
      [`Nov 24 11:20:18 door kernel: ${said}`, "door"],
      [`Nov 24 11:20:18 kernel: ${said}`, ""],
      [`Nov 24 11:20:18 door klogd: ${said}`, "door"],
      [`Nov 24 11:20:18 door kernel[0]: ${said}`, "door"],
      [`Nov 24 11:20:18 door kern.warn kernel: ${said}`, "door"],
      [`Nov 24 11:20:18 kern.warning door kernel: ${said}`, "door"],
      [`Nov 24 11:20:18 kern.warn kernel: ${said}`, ""],
      [`Tue Nov 24 11:20:18 2026 kern.warn kernel: ${said}`, ""],
      [`Tue Nov 24 11:20:18 2026 [1763983218.845] kern.warn kernel: ${said}`, ""],
      [`Nov 24 2026 11:20:18 door kernel: ${said}`, "door"],
      [`<4>Nov 24 11:20:18 door kernel: ${said}`, "door"],
      [`<4>Nov 24 11:20:18 kernel: ${said}`, ""],
      [`<4>${STAMP} door kernel: ${said}`, "door"],
      [`<4>1 ${STAMP} door kernel - - - ${said}`, "door"],
      [`<4>1 ${STAMP} - kernel - - [a b="]" c="\\"]"][d] \xef\xbb\xbf${said}`, ""],
      [`2026-11-24T11:20:18 door kernel: ${said}`, "door"],
      [`2026-11-24 11:20:18 door kernel: ${said}`, "door"],
      [`Tue 2026-11-24 11:20:18 UTC door kernel: ${said}`, "door"],
      [`1763983218.845000 door kernel: ${said}`, "door"],
      [`[   12.345678] door kernel: ${said}`, "door"],
      [`[Tue Nov 24 11:20:18 2026] ${said}`, ""],
      [`[   12.345678] ${said}`, ""],
      [`kern  :warn  : [   12.345678] ${said}`, ""],
      [`kern  :warn  : 2026-11-24T11:20:18,845123+00:00 ${said}`, ""],
      [`<4>[   12.345678] ${said}`, ""],
      [`2026-11-24T11:20:18,845123+00:00 ${said}`, ""],
      [`Nov 24 11:20:18 door vmunix: ${said}`, "door"],
      [`Nov 24 11:20:18 [kernel] ${said}`, ""],
      [`2026-11-24T11:20:18.84512 kern.warn: ${said}`, ""],
      [`2026-11-24_11:20:18.84512 kern.warn: ${said}`, ""],
      [`Nov 4 11:20:18 door kernel: ${said}`, "door"],
      [`\xef\xbb\xbfNov 24 11:20:18 door kernel: ${said}`, "door"],
    ] as const) {
      assert.equal(read(line), `kernel at ${host}: ${said}`, line);
    }
  });

  it("comes from the kernel or knockd by the fields of the journal", () => {
    const entry = (fields: object) =>
      JSON.stringify({ __REALTIME_TIMESTAMP: "1763983218845123", _HOSTNAME: "door", ...fields });
    const kernels = entry({ _TRANSPORT: "kernel", SYSLOG_IDENTIFIER: "kernel", MESSAGE: "x IN=eth0" });
    for (const line of [kernels, `data: ${kernels}`, `\x1e${kernels}`])
      assert.equal(read(line), "kernel at door: x IN=eth0");
    assert.equal(read(entry({ _TRANSPORT: "kernel", MESSAGE: [120, 255] })), "kernel at door: x\xff");
    const knockds = {
      _TRANSPORT: "syslog",
      SYSLOG_IDENTIFIER: "knockd",
      SYSLOG_PID: "7",
      MESSAGE: "1.2.3.4: a: Stage 1",
    };
    assert.equal(read(entry(knockds)), "knockd at door: 1.2.3.4: a: Stage 1");
    assert.equal(read(entry({ _TRANSPORT: "syslog", SYSLOG_IDENTIFIER: "kernel", MESSAGE: "x IN=eth0" })), "other");
    assert.equal(read(entry({ _TRANSPORT: "kernel", __REALTIME_TIMESTAMP: "soon" })), "garbage");
  });

  it("does not come from the kernel if it shows that another program used that name", () => {
    for (const line of [
      `Nov 24 11:20:18 door kernel[731]: IN=eth0`,
      `Nov 24 11:20:18 door user.notice kernel: IN=eth0`,
      `Nov 24 11:20:18 user.warn kernel: IN=eth0`,
      `Tue Nov 24 11:20:18 2026 user.notice kernel: IN=eth0`,
      `Tue Nov 24 11:20:18 2026 daemon.err kernel: IN=eth0`,
      `<13>Nov 24 11:20:18 door kernel: IN=eth0`,
      `<12>1 ${STAMP} door kernel - - - IN=eth0`,
      `<4>1 ${STAMP} door kernel 731 - - IN=eth0`,
      `user  :warn  : [   12.345678] IN=eth0: x`,
      `<12>[   12.345678] x: IN=eth0`,
      // Words of a message at the place where another format has the kernel's name.
      `Nov 24 11:20:18 myprog: kernel: IN=eth0`,
      `Nov 24 11:20:18 sshd[12]: kernel: IN=eth0`,
      `Nov 24 11:20:18 door sshd[12]: kernel: IN=eth0`,
      `Nov 24 11:20:18 door some words kernel: IN=eth0`,
      `<38>1 ${STAMP} door sshd 12 - [x y="] "] kernel: IN=eth0`,
      `[   12.345678] door sshd[12]: IN=eth0`,
      `Nov 24 11:20:18 door kern.warn: IN=eth0`,
      `Nov 24 11:20:18 user.notice kern.warn: IN=eth0`,
      `<13>Nov 24 11:20:18 kern.warn: IN=eth0`,
      `<13>Nov 24 11:20:18 [kernel] x: IN=eth0`,
      `Nov 24 11:20:18 door [kernel] x: IN=eth0`,
      `2026-11-24T11:20:18.84512 user.notice: Nov 24 11:20:18 kernel: IN=eth0`,
      `2026-11-24T11:20:18.84512 daemon.notice: kern.warn: IN=eth0`,
    ]) {
      assert.equal(read(line), "other", line);
    }
  });

  it("comes from knockd only with its facility, if the line has one", () => {
    const json = (facility: string) =>
      JSON.stringify({
        ...{ __REALTIME_TIMESTAMP: "1763983218845123", _TRANSPORT: "syslog", SYSLOG_IDENTIFIER: "knockd" },
        ...{ SYSLOG_FACILITY: facility, MESSAGE: "1.2.3.4: a: Stage 1" },
      });
    const said = "1.2.3.4: a: Stage 1";
    for (const line of [
      `Nov 24 11:20:18 door daemon.notice knockd: ${said}`,
      `Tue Nov 24 11:20:18 2026 daemon.notice knockd[731]: ${said}`,
      `<29>Nov 24 11:20:18 knockd: ${said}`,
      `<29>1 ${STAMP} door knockd - - - ${said}`,
      `2026-11-24T11:20:18.84512 daemon.notice: Nov 24 11:20:18 knockd: ${said}`,
      json("3"),
    ])
      assert.match(read(line), /^knockd at (door)?: 1\.2\.3\.4: a: Stage 1$/, line);
    for (const line of [
      `Nov 24 11:20:18 door user.notice knockd: ${said}`,
      `<13>Nov 24 11:20:18 knockd: ${said}`,
      `<13>1 ${STAMP} door knockd 731 - - ${said}`,
      json("1"),
    ])
      assert.equal(read(line), "other", line);
  });

  it("in a format of dmesg and short-monotonic comes from dmesg once a line cannot be the other", () => {
    const log = new LogLine(REFERENCE, REFERENCE - 86_400);
    assert.equal(read("[   12.345678] iptables denied: IN=eth0", log), "other");
    assert.equal(read("[   12.345679] eth0: link becomes ready", log), "kernel at : eth0: link becomes ready");
    assert.equal(read("[   12.345680] iptables denied: IN=eth0", log), "kernel at : iptables denied: IN=eth0");
  });

  it("counts from programs that the user has named", () => {
    const log = new LogLine(REFERENCE, Number.NaN, new Set(["ulogd", "kernel", "drop", "-"]));
    for (const [line, tag] of [
      ["Nov 24 11:20:18 door ulogd[731]: drop: IN=eth0", "ulogd"],
      ["Nov 24 11:20:18 user.warn kernel: drop: IN=eth0", "kernel"],
      ["Nov 24 11:20:18 door drop IN=eth0 OUT=", ""],
      ["Nov 24 11:20:18 door drop:  IN=eth0 OUT=", "drop"],
    ] as const) {
      assert.equal(log.read(line), "tagged", line);
      assert.equal(log.tag, tag);
      assert.match(log.message, /^drop:? +IN=eth0/);
    }
    assert.equal(log.read("Nov 24 11:20:18 door sshd[731]: IN=eth0"), "other");
  });

  it("may be an object of knockd's JSON log", () => {
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

  it("does not count if unprivileged users may have written it", () => {
    const forged = "kernel: IN=eth0 OUT= SRC=8.8.8.8 DST=1.1.1.1 PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0 ";
    assert.equal(read(`${STAMP} door sshd[12]: Invalid user ${forged}`), "other");
    assert.equal(read(`${STAMP} door sshd[12]: Invalid user x knockd: 1.2.3.4: a: OPEN SESAME`), "other");
    assert.equal(read(`${STAMP} door knockd-helper: 1.2.3.4: a: OPEN SESAME`), "other");
    // What journalctl prints for a message that contains a line break.
    assert.equal(read(`     ${STAMP} door ${forged}`), "garbage");
  });

  it("without a timestamp, a host or a tag is garbage", () => {
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
