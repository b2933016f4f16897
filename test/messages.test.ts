// To the letter: people's log readers and fail2ban filters look for these lines.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { KnockEvent } from "../src/attempts/event.ts";
import { DEFAULT_POLICY, type Door } from "../src/config/door.ts";
import * as lines from "../src/log/messages.ts";
import { parseAddress } from "../src/net/address.ts";

const door: Door = {
  name: "openSSH",
  sequence: [{ protocol: "tcp", port: 7000 }],
  oneTimeSequences: undefined,
  seqTimeout: 25,
  tcpFlags: { set: 0, clear: 0 },
  target: undefined,
  startCommand: undefined,
  stopCommand: undefined,
  startCommand6: undefined,
  stopCommand6: undefined,
  cmdTimeout: 10,
  policy: DEFAULT_POLICY,
};
const knocker = parseAddress("192.168.1.63")!;

describe("the lines", () => {
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
    it(`of an event: ${line}`, () => assert.equal(lines.eventLine(event, who), line));
  }

  const others: [line: string, expected: string][] = [
    [lines.byHand("192.0.2.1", "openSSH", "opened"), "192.0.2.1: openSSH: opened by hand"],
    [lines.heldBack({ count: 1, kind: "Stage 1" }), "1 similar line (Stage 1)"],
    [lines.heldBack({ count: 9900, kind: "sequence timeout" }), "9900 similar lines (sequence timeout)"],
    [lines.commandTimeout("192.168.1.63", door.name), "192.168.1.63: openSSH: command timeout"],
    [lines.runningCommand(door.name, "echo '%d' $$ 100%"), "openSSH: running command: echo '%d' $$ 100%"],
    [lines.tooManyWait("a", 1024, "merged", 7), "a: 1024 commands wait for their turn: 7 more merged"],
    [lines.takesLong("a", 60), "a: command still running after 60 seconds"],
    [lines.leftToNextStart(1), "1 stop command has not run: the next start runs it"],
    [lines.leftToNextStart(2), "2 stop commands have not run: the next start runs them"],
    [lines.tooManyOpen("a", 65_536, 7), "a: 65536 doors are open: 7 more refused"],
    [
      lines.commandComplained("a", " iptables:\r\n\n  no \x1b[31mchain\n"),
      "a: command said: iptables: | no ?[31mchain",
    ],
    [lines.stillRunning("a", 60), "a: command still running after 60 seconds, ending it"],
    [lines.leftOpen(1), "1 door was left open, and will be closed in time"],
    [lines.leftOpen(2), "2 doors were left open, and will be closed in time"],
    [lines.commandFailed(door.name, 3), "openSSH: command returned non-zero status code (3)"],
    [lines.couldNotRun(door.name, new Error("spawn E2BIG")), "openSSH: could not run command: spawn E2BIG"],
    [
      lines.noSequencesLeft("a [b] %s"),
      "no more sequences left in the one time sequences file for door a [b] %s --> disabling the door",
    ],
    [
      lines.notStruckOut(door, new Error("/x: No such file or directory")),
      "openSSH: the one time sequence could not be struck out --> disabling the door: /x: No such file or directory",
    ],
  ];
  for (const [line, expected] of others) it(`say: ${expected}`, () => assert.equal(line, expected));

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
    it(`of a packet, with -D, its month as people count: ${line}`, () => assert.equal(lines.packetLine(packet), line));
  }
});
