// Tests the path from a packet to the log and to the door, with everything around it injected.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { portsOf } from "../src/codes/derive.ts";
import { placesOf } from "../src/codes/valid-codes.ts";
import { parseConfig } from "../src/config/parse.ts";
import { PacketLoop, type PacketLoopOptions } from "../src/daemon/packet-loop.ts";
import { eventLine } from "../src/log/messages.ts";
import { formatAddress } from "../src/net/address.ts";
import type { Packet } from "../src/net/packet.ts";
import { clientOf, NOON, WINDOW } from "./code-group.ts";
import { doorOf } from "./door.ts";
import { toPacket } from "./story.ts";

const doorsOf = (config: string) =>
  parseConfig(config, "knockd.conf", () => undefined).doors.map((door) => ({ door, targets: undefined }));

/** `seen`: the lines of the log and `open DOOR COMMAND`, in order. */
function loopOf(config: string, more: Partial<PacketLoopOptions> = {}) {
  const seen: string[] = [];
  const loop = new PacketLoop({
    now: () => 0,
    isOurs: () => true,
    scanWindow: { isStray: () => false, isAnswer: () => false },
    eventLog: { event: (event, at) => void seen.push(`${at} ${eventLine(event, formatAddress(event.knocker))}`) },
    opener: { open: ({ name, startCommand }) => void seen.push(`open ${name} ${startCommand}`) },
    ...more,
  });
  loop.setDoors(doorsOf(config));
  let sent = 0;
  const knock = (port: number, at: number, from = "10.77.0.2") => {
    const sourcePort = 40_000 + ++sent;
    const [to, protocol, flags] = ["10.77.0.1", "tcp", ["syn" as const]] as const;
    return loop.packet(toPacket({ from, to, port, protocol, flags: [...flags], sourcePort, seq: sent }), at);
  };
  return { loop, seen, knock };
}

const TWO = "[two]\nsequence = 7000,7001\nseq_timeout = 5\nstart_command = run\n";

describe("the packet loop", () => {
  it("logs each event, and opens the door right after the line about it", () => {
    const { seen, knock } = loopOf(TWO);
    knock(7000, 0);
    assert.equal(knock(7001, 1000).length, 2);
    assert.deepEqual(seen, [
      "0 10.77.0.2: two: Stage 1",
      "1000 10.77.0.2: two: Stage 2",
      "1000 10.77.0.2: two: OPEN SESAME",
      "open two run",
    ]);
  });

  it("lets the client in by the kernel before it logs, and then passes on the result", () => {
    const { seen, knock } = loopOf("[one]\nsequence = 7000\nopen = tcp/22\n[two]\nsequence = 7000\nopen = tcp/80\n", {
      opener: {
        letIn: ({ name }) => {
          seen.push(`let in ${name}`);
          return name === "one" ? "opened" : { failed: "EPERM" };
        },
        open: ({ name }, _, letIn) => void seen.push(`open ${name} ${JSON.stringify(letIn)}`),
      },
    });
    knock(7000, 0);
    assert.deepEqual(seen, [
      "let in one",
      "let in two",
      "0 10.77.0.2: one: Stage 1",
      "0 10.77.0.2: one: OPEN SESAME",
      'open one "opened"',
      "0 10.77.0.2: two: Stage 1",
      "0 10.77.0.2: two: OPEN SESAME",
      'open two {"failed":"EPERM"}',
    ]);
  });

  /** A door with three knocks that the kernel opens, and what its opener is told. */
  function expecting() {
    const told: string[] = [];
    const { loop, knock, seen } = loopOf("[three]\nsequence = 7000,7001,7002\nseq_timeout = 5\nopen = tcp/22\n", {
      opener: {
        open: () => {},
        expect: ({ name }, { port, soonest, latest }) => void told.push(`${name} ${port} ${soonest} ${latest}`),
        endExpectation: () => void told.push("end"),
      },
    });
    /** One packet in a batch of its own. */
    const alone = (port: number, at: number) => {
      knock(port, at);
      loop.expectNext(true, at);
    };
    return { loop, knock, alone, told, seen };
  }

  it("expects the last knock after the one before it, until the next packet", () => {
    const { alone, told } = expecting();
    alone(7000, 0);
    assert.deepEqual(told, []);
    alone(7001, 1000);
    assert.deepEqual(told, ["three 7002 0 4000"]);
    alone(7002, 2000);
    assert.deepEqual(told, ["three 7002 0 4000", "end"]);
    alone(9, 3000);
    assert.deepEqual(told, ["three 7002 0 4000", "end"], "once");
  });

  it("measures from the time of the batch, also if its packet was a duplicate", () => {
    const { loop, alone, told } = expecting();
    alone(7000, 0);
    alone(7001, 1000);
    loop.expectNext(true, 1500);
    assert.deepEqual(told, ["three 7002 0 4000", "end", "three 7002 0 3500"]);
  });

  it("expects nothing in a flood", () => {
    const { loop, knock, alone, told } = expecting();
    alone(7000, 0);
    knock(7001, 1000);
    loop.expectNext(false, 1000);
    assert.deepEqual(told, []);
  });

  it("ends the expectation at a timeout, and at a change of the doors", () => {
    for (const change of ["timeout", "doors"] as const) {
      const { loop, alone, told, seen } = expecting();
      alone(7000, 0);
      alone(7001, 1000);
      if (change === "timeout") loop.expire(5000);
      else loop.setDoors(doorsOf(TWO));
      assert.deepEqual(told, ["three 7002 0 4000", "end"], change);
      loop.expectNext(true, 5001);
      assert.deepEqual(told, ["three 7002 0 4000", "end"], `${change}: the last packet no longer counts`);
      assert.equal(
        seen.some((line) => line.includes("timeout")),
        change === "timeout",
      );
    }
  });

  it("opens the door with its current config", () => {
    const { loop, seen, knock } = loopOf(TWO);
    knock(7000, 0);
    loop.setDoors(doorsOf(`[other]\nsequence = 9\n${TWO.replace("run", "new")}`));
    knock(7001, 1000);
    assert.equal(seen.at(-1), "open two new");
  });

  it("opens two one-time doors with one packet, although the use of the first replaces it", () => {
    const once = doorsOf("[a]\nsequence = 7000\n[b]\nsequence = 7000\n").map(({ door, targets }) => ({
      door: { ...door, oneTimeSequences: "/once" },
      targets,
    }));
    const { loop, seen, knock } = loopOf("[x]\nsequence = 1\n", {
      opener: {
        open: (door) => {
          seen.push(`open ${door.name}`);
          loop.replaceDoor(door, { ...door, sequence: [{ protocol: "tcp", port: 8000 }] });
        },
      },
    });
    loop.setDoors(once);
    knock(7000, 0);
    assert.deepEqual(
      seen.filter((line) => line.startsWith("open")),
      ["open a", "open b"],
    );
  });

  it("replaces the right one of two equal doors while an opening is handled", () => {
    const one = "[one]\nsequence = 7000\nstart_command = a\n";
    const { loop, seen, knock } = loopOf(one + one.replace("= a", "= b"), {
      opener: {
        open: (door) => {
          seen.push(`open ${door.startCommand}`);
          loop.replaceDoor(door, { ...door, sequence: [{ protocol: "tcp", port: 8000 }] });
        },
      },
    });
    knock(7000, 0);
    assert.deepEqual(
      seen.filter((line) => line.startsWith("open")),
      ["open a", "open b"],
    );
    assert.deepEqual(
      loop.resolvedDoors.map(({ door }) => door.sequence[0]!.port),
      [8000, 8000],
    );
    loop.replaceDoor(loop.resolvedDoors[0]!.door, undefined);
    assert.deepEqual(
      loop.resolvedDoors.map(({ door }) => door.startCommand),
      ["b"],
    );
  });

  it("reports a code that another client used before", () => {
    const [client, replays] = [clientOf(), [] as string[]];
    const { loop, knock } = loopOf("[x]\nsequence = 1\n", {
      wallClock: () => NOON,
      onReplay: ({ name }, other) => void replays.push(`${name} ${other}`),
    });
    loop.setDoors([{ door: doorOf({ name: "openSSH", sequence: [], clients: [client] }), targets: undefined }]);
    const ports = portsOf(client.blocks, placesOf(client, WINDOW));
    for (const port of ports) knock(port, 0);
    loop.expire(300);
    for (const port of ports) knock(port, 1000, "10.77.0.9");
    assert.deepEqual(replays, ["openSSH 10.77.0.2"]);
  });

  it("has nothing to do before its deadline, and then logs timeouts", () => {
    const { loop, seen, knock } = loopOf(TWO);
    assert.equal(loop.deadline, Number.POSITIVE_INFINITY);
    knock(7000, 100);
    assert.deepEqual([loop.deadline, loop.live], [5100, 1]);
    loop.expire(5099);
    assert.equal(seen.length, 1);
    loop.expire(5100);
    assert.deepEqual(seen.slice(1), ["5100 10.77.0.2: two: sequence timeout (stage 1)"]);
    assert.deepEqual([loop.deadline, loop.live], [Number.POSITIVE_INFINITY, 0]);
  });

  it("tells its observer the doors and the time, and reports each packet to it", () => {
    const told: string[] = [];
    const observer = {
      isSaturated: false,
      setDoors: (doors: readonly unknown[], at: number) => void told.push(`${doors.length} doors at ${at}`),
      begin: (packet: Packet) => void told.push(`packet to ${packet.port}`),
      beginWithout() {},
      verdict: (code: number) => void told.push(`verdict ${code}`),
    };
    const { knock } = loopOf(TWO, { observer, now: () => 7 });
    knock(7000, 10);
    assert.deepEqual(told, ["1 doors at 7", "packet to 7000", "verdict 0"]);
  });
});
