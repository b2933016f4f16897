// Tests the text of an explanation: first the outcome of all tries, then the packets, then the advice.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Answer, VerdictAnswer } from "../src/control/protocol.ts";
import { explanationText } from "../src/knockctl/explanation-text.ts";

type Step = readonly [verdict: VerdictAnswer["verdict"], stage?: number];

function explained(
  steps: readonly Step[],
  outcome: "opened" | "not opened",
  more: { secondsSinceFlood?: number } = {},
) {
  const verdicts = steps.map(([verdict, stage], i): Answer => {
    const time = new Date(Date.UTC(2026, 10, 29, 1, 0, i)).toISOString();
    const at = { type: "verdict", time, ip: "192.0.2.7", verdict, door: "openSSH", times: 1 } as const;
    return { ...at, ...(stage === undefined ? {} : { stage }), text: `openSSH: ${verdict} ${stage ?? ""}`.trim() };
  });
  const explanation = {
    type: "explanation",
    ip: "192.0.2.7",
    packets: steps.length,
    outcome,
    advice: "Do it.",
  } as const;
  return explanationText([...verdicts, { ...explanation, ...more }]);
}

const OPENED: readonly Step[] = [
  ["stage", 1],
  ["stage", 2],
  ["open", 2],
];
const FAILED: readonly Step[] = [
  ["stage", 1],
  ["timeout", 1],
];

describe("an explanation", () => {
  for (const [what, steps, outcome, expected] of [
    ["one try that opened", OPENED, "opened", "3 packets, opened"],
    ["one try that did not", FAILED, "not opened", "2 packets, not opened"],
    ["two that did not", [...FAILED, ...FAILED], "not opened", "4 packets, 2 tries, none opened"],
    [
      "a failure after an opening",
      [...OPENED, ...FAILED],
      "not opened",
      "5 packets, 1 of 2 tries opened; the last one did not",
    ],
    [
      "an opening after failures",
      [...FAILED, ...FAILED, ...OPENED],
      "opened",
      "7 packets, 1 of 3 tries opened; the last one did",
    ],
    [
      "an opening and a cooldown",
      [...OPENED, ["cooldown"]],
      "not opened",
      "4 packets, opened 1 time; what came later did not open again",
    ],
    ["packets without a first knock", [["later"]], "not opened", "1 packet, not opened"],
  ] as const) {
    it(`of ${what}`, () => {
      const [first] = explained(steps, outcome).split("\n");
      assert.equal(first, `192.0.2.7: ${expected}`);
    });
  }

  it("has a row for each packet, without repeating the door's name, and ends with what to do", () => {
    const [, empty, head, ...rest] = explained(OPENED, "opened").split("\n");
    assert.deepEqual([empty, head], ["", "TIME          DOOR     WHAT HAPPENED"]);
    assert.deepEqual(
      rest.map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3}/, "")),
      ["  openSSH  stage 1", "  openSSH  stage 2", "  openSSH  open 2", "", "Do it.", ""],
    );
  });

  it("paints only what went wrong as bad", () => {
    const { NO_COLOR, FORCE_COLOR } = process.env;
    delete process.env.NO_COLOR;
    process.env.FORCE_COLOR = "1";
    try {
      const bad = (verdict: VerdictAnswer["verdict"]) => explained([[verdict, 1]], "opened").includes("\x1b[31m");
      assert.deepEqual(
        (["stage", "held", "accepted", "first", "open", "wrong", "replay", "timeout"] as const).filter(bad),
        ["wrong", "replay", "timeout"],
      );
    } finally {
      delete process.env.FORCE_COLOR;
      Object.assign(process.env, JSON.parse(JSON.stringify({ NO_COLOR, FORCE_COLOR })));
    }
  });

  it("says if a flood kept packets from being recorded", () => {
    const text = explained(FAILED, "not opened", { secondsSinceFlood: 12 });
    assert.match(text, /not opened\nA flood 12 s ago kept some packets from being recorded\.\n\nTIME/);
  });

  it("of several daemons shows those that saw something", () => {
    const seen = { type: "explanation", ip: "::1", packets: 1, outcome: "opened", advice: "A." } as const;
    const unseen = { ...seen, packets: 0, outcome: "nothing seen", advice: "B." } as const;
    assert.match(explanationText([unseen, seen]), /^::1: 1 packet, .*\n\nA\.\n$/);
    assert.equal(explanationText([unseen, unseen]), "::1: nothing was seen\n\nB.\n");
  });
});
