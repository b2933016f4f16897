// Tests the exact text of messages that log readers and fail2ban filters look for.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { KnockEvent } from "../src/events/knock-event.ts";
import * as lines from "../src/log/messages.ts";
import { parseAddress } from "../src/net/address.ts";
import { doorRefOf } from "./door.ts";

const door = doorRefOf({ name: "openSSH" });
const knocker = parseAddress("192.168.1.63")!;

describe("the lines of the log", () => {
  const events: [event: KnockEvent, who: string, line: string][] = [
    [{ type: "stage", door, knocker, stage: 1 }, "192.168.1.63", "192.168.1.63: openSSH: Stage 1"],
    [
      { type: "stage", door, knocker, stage: 32 },
      "192.168.1.63 (host.example)",
      "192.168.1.63 (host.example): openSSH: Stage 32",
    ],
    [{ type: "open", door, knocker }, "fd77::2", "fd77::2: openSSH: OPEN SESAME"],
    [{ type: "timeout", door, knocker, stage: 1 }, "192.168.1.63", "192.168.1.63: openSSH: sequence timeout (stage 1)"],
  ];
  for (const [event, who, line] of events) {
    it(`for an event: ${line}`, () => assert.equal(lines.eventLine(event, who), line));
  }

  const ofDoor = { door: door.name, knocker };
  const doorEvents: [event: Parameters<typeof lines.doorEventLine>[0], line: string][] = [
    [{ ...ofDoor, type: "opened by hand" }, "WHO: openSSH: opened by hand"],
    [{ ...ofDoor, type: "closed by hand" }, "WHO: openSSH: closed by hand"],
    [{ ...ofDoor, type: "extended by hand", seconds: 1 }, "WHO: openSSH: extended by 1 second by hand"],
    [{ ...ofDoor, type: "closing" }, "WHO: openSSH: command timeout"],
    [
      { ...ofDoor, type: "command started", command: "echo '%d' $$ 100%" },
      "openSSH: running command: echo '%d' $$ 100%",
    ],
    [{ ...ofDoor, type: "command failed", status: 3 }, "openSSH: command returned non-zero status code (3)"],
    [{ ...ofDoor, type: "command not started", reason: "spawn E2BIG" }, "openSSH: could not run command: spawn E2BIG"],
    [
      { ...ofDoor, type: "command stderr", text: " iptables:\r\n\n  no \x1b[31mchain\n" },
      "openSSH: command said: iptables: | no ?[31mchain",
    ],
    [{ ...ofDoor, type: "command takes long", seconds: 60 }, "openSSH: command still running after 60 seconds"],
    [{ ...ofDoor, type: "command killed", seconds: 1 }, "openSSH: command still running after 1 second, killing it"],
    [
      { ...ofDoor, type: "opened often", times: 64 },
      "WHO: openSSH: opened 64 times; further knocks only extend the time",
    ],
    [
      { ...ofDoor, type: "merged", waiting: 1024, count: 7 },
      "openSSH: 1024 commands are waiting: 7 more openings merged",
    ],
    [{ ...ofDoor, type: "refused", waiting: 1, count: 7 }, "openSSH: 1 command is waiting: 7 more openings refused"],
    [{ ...ofDoor, type: "full", open: 65_536, count: 7 }, "openSSH: 65536 doors are open: 7 more openings refused"],
    [
      { ...ofDoor, type: "opened", ports: "tcp/22,udp/53", seconds: 30 },
      "WHO: openSSH: opened tcp/22,udp/53 for 30 seconds",
    ],
    [
      { ...ofDoor, type: "opened", ports: "tcp/22", seconds: undefined },
      "WHO: openSSH: opened tcp/22 until it is closed",
    ],
    [{ ...ofDoor, type: "extended", ports: "tcp/22", seconds: 1 }, "WHO: openSSH: extended tcp/22 for 1 second"],
    [{ ...ofDoor, type: "not opened", ports: "tcp/22", reason: "EPERM" }, "WHO: openSSH: could not open tcp/22: EPERM"],
    [{ ...ofDoor, type: "closed" }, "WHO: openSSH: closed"],
  ];
  for (const [event, line] of doorEvents) {
    it(`for a door: ${line}`, () => assert.equal(lines.doorEventLine(event, "WHO"), line));
  }

  const notices: [notice: Parameters<typeof lines.noticeLine>[0], line: string][] = [
    [{ type: "left open", doors: 1 }, "1 door is still open from an earlier run and will close on time"],
    [{ type: "left open", doors: 2 }, "2 doors are still open from an earlier run and will close on time"],
    [{ type: "left to next start", commands: 1 }, "1 stop command has not run: the next start runs it"],
    [{ type: "left to next start", commands: 2 }, "2 stop commands have not run: the next start runs them"],
    [{ type: "command abandoned", idleSeconds: undefined }, "a command is still running: knockd exits without it"],
    [{ type: "command abandoned", idleSeconds: 5 }, "a command has not ended after 5 seconds: knockd exits without it"],
    [{ type: "ledger trouble", reason: "cannot write" }, "cannot write"],
    [{ type: "firewall rebuilt", open: 1 }, "firewall: the table was removed: rebuilt, with 1 open door"],
    [{ type: "firewall gone", reason: "EPERM" }, "firewall: the table was removed and cannot be rebuilt: EPERM"],
    [{ type: "firewall not closed", reason: "EPERM" }, "open doors could not be closed: EPERM"],
    [{ type: "no locks", reason: "no space" }, "cannot check whether another knockd is running: no space"],
    [
      { type: "sequences used up", door: "a [b] %s" },
      "no more sequences left in the one time sequences file for door a [b] %s --> disabling the door",
    ],
    [{ type: "sequences file warning", door: "once", reason: "line 1" }, "config: section once: line 1"],
    [
      { type: "use not on disk", path: "/x", reason: "Input/output error" },
      "/x: a used sequence may be accepted again after a power cut: Input/output error",
    ],
    [
      { type: "not struck out", door: door.name, reason: "/x: No such file or directory" },
      "openSSH: could not mark the one time sequence as used --> disabling the door: /x: No such file or directory",
    ],
  ];
  for (const [notice, line] of notices)
    it(`for all doors: ${line}`, () => assert.equal(lines.noticeLine(notice), line));

  const others: [line: string, expected: string][] = [
    [lines.heldBack({ count: 1, kind: "Stage 1" }), "1 similar line not logged (Stage 1)"],
    [lines.heldBack({ count: 9900, kind: "sequence timeout" }), "9900 similar lines not logged (sequence timeout)"],
  ];
  for (const [line, expected] of others) it(`include: ${expected}`, () => assert.equal(line, expected));

  const packet = {
    source: knocker,
    destination: parseAddress("10.77.0.1")!,
    sourcePort: 40000,
    port: 7000,
    protocol: 6,
    flags: 2,
    ttl: 64,
    sequence: 1,
    length: 74,
    time: 0,
  };
  const at = (...local: [number, number, number, number, number, number]) => new Date(...local).getTime() / 1000;
  const packets: [packet: Parameters<typeof lines.packetLine>[0], line: string][] = [
    [
      { ...packet, time: at(2016, 0, 2, 3, 4, 5) + 0.999 },
      "2016-01-02 03:04:05: tcp: 192.168.1.63:40000 -> 10.77.0.1:7000 74 bytes",
    ],
    [
      {
        ...packet,
        protocol: 17,
        source: parseAddress("fd77::2")!,
        destination: parseAddress("fd77::1")!,
        time: at(2026, 11, 31, 23, 59, 59),
      },
      "2026-12-31 23:59:59: udp: fd77::2:40000 -> fd77::1:7000 74 bytes",
    ],
  ];
  for (const [packet, line] of packets) {
    it(`for a packet, with -D, with the month counted from 1: ${line}`, () =>
      assert.equal(lines.packetLine(packet), line));
  }
});
