// Tests the command `doors`: what it shows to which user, and how much of it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Door } from "../src/config/door.ts";
import { doors } from "../src/control/commands/doors.ts";
import type { DaemonView } from "../src/control/daemon-view.ts";
import { Refusal } from "../src/control/handler.ts";
import type { OpenDoorInfo } from "../src/events/door-outcome.ts";
import { doorOf } from "./door.ts";

const DOOR = doorOf({
  sequence: [
    { protocol: "tcp", port: 7461 },
    { protocol: "udp", port: 7462 },
  ],
  clients: [],
  tcpFlags: { set: 2, clear: 16 },
  startCommand: "iptables -A x",
  stopCommand6: "ip6tables -D x",
});

describe("the command doors", () => {
  const ask = (all: readonly Door[], open: readonly OpenDoorInfo[], args = {}, mayChange = false) => {
    const doorService = { doors: { openDoors: () => open, size: open.length } };
    const eventLog = { counts: { openings: new Map([["ssh", { count: 3 }]]) } };
    const view = { resolvedDoors: () => all.map((door) => ({ door, targets: undefined })), doorService, eventLog };
    return doors(view as unknown as DaemonView)({ args, mayChange });
  };
  const seen = { type: "door", door: "ssh", oneTime: false, knocks: 2, seqTimeout: 25, closesAfter: 10, openings: 3 };

  it("shows doors and the clients for whom they are open, but no port and no command", () => {
    const open = { door: "ssh", ip: "192.0.2.1", left: 7.123 };
    const opening = { door: "ssh", ip: "192.0.2.2", left: undefined };
    assert.deepEqual(ask([DOOR], [open, opening]), [
      seen,
      { type: "open", ...open, left: 7.1 },
      { type: "open", ...opening, left: null },
    ]);
  });

  it("shows that a door stays open, has one-time sequences or has a Target", () => {
    const target = { host: "192.0.2.9", line: { number: 1, text: "" } };
    const other = { ...DOOR, stopCommand6: "", oneTimeSequences: "/x", target };
    assert.deepEqual(ask([other], []), [{ ...seen, oneTime: true, closesAfter: null, target: "192.0.2.9" }]);
  });

  it("shows secrets to root on request", () => {
    const [door] = ask([DOOR], [], { secrets: true }, true);
    assert.deepEqual(door, {
      ...seen,
      secrets: {
        sequence: "7461:tcp,7462:udp",
        tcpFlags: "syn,!ack",
        startCommand: "iptables -A x",
        stopCommand6: "ip6tables -D x",
      },
    });
    assert.deepEqual(ask([DOOR], [], {}, true), [seen]);
    assert.throws(() => ask([DOOR], [], { secrets: true }, false), Refusal);
  });

  it("shows as many doors as fit into an answer, and the number of the others", () => {
    const open = Array.from({ length: 65_536 }, (_, i) => ({ door: "ssh", ip: `10.0.${i >> 8}.${i & 255}`, left: 5 }));
    const answers = ask(
      Array.from({ length: 3000 }, (_, i) => ({ ...DOOR, name: `door ${i}` })),
      open,
    );
    assert.ok(JSON.stringify(answers).length < 140_000);
    const more = answers.filter((answer) => answer.type === "more");
    const told = (type: string) => answers.filter((answer) => answer.type === type).length;
    assert.deepEqual(more, [
      { type: "more", of: "door", count: 3000 - told("door") },
      { type: "more", of: "open", count: 65_536 - told("open") },
    ]);
    assert.ok(told("door") > 500 && told("open") > 500);
  });
});
