// Tests which answers mean that a daemon misses knocks.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "../src/control/protocol.ts";
import type { InterfaceStatus } from "../src/events/interface-status.ts";
import { isDeaf } from "../src/knockctl/interface-answers.ts";

const daemon: Answer = { type: "daemon", pid: 1, knockd: "1.0.0", config: "/etc/knockd.conf" };
const answers = (...states: InterfaceStatus["state"][]): Answer[] => [
  daemon,
  ...states.map((state): Answer => ({ type: "interface", interface: "eth0", state, addresses: [], tried: 0 })),
];

test("a daemon is deaf if one interface is deaf, or if it waits for all of them", () => {
  const table: [answers: Answer[][], expected: boolean][] = [
    [[answers("hears")], false],
    [[answers("hears", "waiting")], false],
    [[answers("waiting")], true],
    [[answers("waiting", "waiting")], true],
    [[answers("hears", "deaf")], true],
    [[answers("hears"), answers("waiting")], true], // two daemons: the other one receives nothing
    [[answers("hears"), answers("waiting", "hears")], false],
    [[[daemon]], false], // it refused to answer
    [[], false],
  ];
  for (const [given, expected] of table) assert.equal(isDeaf(given), expected, JSON.stringify(given));
});
