// Tests the odds of a scan by simulation: every source in the middle of a sequence is counted, however many there are,
// and a scanner's chance is what Max_Strays says.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Attempts } from "../src/attempts/attempts.ts";
import { parseConfig } from "../src/config/parse.ts";
import type { KnockEvent } from "../src/events/knock-event.ts";
import { toPacket } from "./story.ts";

function scene(sequence: string, more = "") {
  const attempts = new Attempts({ isOurs: () => true, isStray: () => true, hashKey: [12, 34], capacity: 65_536 });
  const { doors } = parseConfig(`[a]\nsequence = ${sequence}\n${more}`, "", () => undefined);
  attempts.setDoors(doors.map((door) => ({ door, targets: undefined })));
  const syn = {
    from: "fd77::2",
    to: "fd77::1",
    protocol: "tcp" as const,
    port: 1,
    flags: ["syn" as const],
    sourcePort: 1,
    seq: 1,
  };
  const packet = toPacket(syn);
  const source = packet.source as { w3: number };
  /** A SYN of the source with that number. All are in one /64. */
  const send = (from: number, port: number, now: number, ttl = 64): readonly KnockEvent[] => {
    source.w3 = from;
    packet.port = port;
    packet.sequence++;
    packet.ttl = ttl;
    return attempts.knock(packet, now);
  };
  return { attempts, send };
}
const isOpen = ({ type }: KnockEvent) => type === "open";
const isScan = ({ type }: KnockEvent) => type === "scan";

/** The same numbers each time (mulberry32). */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % sides;
  };
}

describe("a flood of scanners from one /64", () => {
  for (const sources of [1000, 10_000]) {
    it(`is detected for each of ${sources} sources that are in the middle of a sequence at the same time`, () => {
      const { send } = scene("7000,8000,9000");
      for (let from = 0; from < sources; from++) assert.equal(send(from, 7000, 0).length, 1);
      let scans = 0;
      for (let stray = 0; stray < 8; stray++) {
        for (let from = 0; from < sources; from++) scans += send(from, 20_000 + stray, 1000).filter(isScan).length;
      }
      assert.equal(scans, sources);
    });
  }

  // With 256 ports in place of 65,535, so that some come in. By design an attempt may touch 7 strays: among the ports
  // that it tries, both knocks come in the right order before the 8th stray with a chance of 36 in 256².
  const PORTS = 256;
  const SOURCES = 10_000;
  const ATTEMPTS = 60_000;
  const byDesign = (ATTEMPTS * 36) / PORTS ** 2;
  for (const [title, ttlOf] of [
    ["of one TTL", () => 64],
    ["whose TTL is another in each packet", (roll: (sides: number) => number) => 40 + 3 * roll(8)],
    ["whose TTL is another in each sweep", (_: unknown, sweep: number) => 40 + 3 * (sweep % 8)],
  ] as const) {
    it(`opens a door as often as Max_Strays allows, or twice as often with two TTLs: ${title}`, () => {
      const { send } = scene("7,3,5", "Ban_Time = 0\n");
      const roll = dice(4438);
      const state = new Uint8Array(SOURCES); // 1: in the middle of a sequence
      let [begun, opened] = [0, 0];
      for (let n = 0; begun < ATTEMPTS; n++) {
        const from = n % SOURCES;
        const sweep = Math.floor(n / SOURCES);
        // A first knock costs a scanner 256 packets that show nothing, so it is sent at once.
        if (state[from] === 0) begun++;
        const port = state[from] === 0 ? 7 : 1 + roll(PORTS);
        const events = send(from, port, 100 * sweep, ttlOf(roll, sweep));
        const isOver = events.some((event) => isScan(event) || isOpen(event));
        opened += events.filter(isOpen).length;
        state[from] = isOver || (events.length === 0 && port === 5) ? 0 : 1;
        if (events.some((event) => event.type === "stage" && event.stage === 3)) state[from] = 0;
      }
      assert.ok(opened > 0.3 * byDesign, `${opened} openings, ${byDesign.toFixed(0)} by design: nothing is proved`);
      assert.ok(opened < 2.3 * byDesign, `${opened} openings, ${byDesign.toFixed(0)} by design`);
    });
  }
});

describe("an attacker who forges a client's address", () => {
  it("with another TTL does not end its attempt, however much it sends; with the client's TTL, it does", () => {
    for (const [ttl, comesIn] of [
      [64, false],
      [63, false],
      [62, true],
      [66, true],
      [255, true],
    ] as const) {
      const { send } = scene("7000,8000,9000");
      const events: KnockEvent[] = [];
      for (const [i, port] of [7000, 8000, 9000].entries()) {
        events.push(...send(1, port, 1000 * i, 64));
        for (let n = 0; n < 100; n++) events.push(...send(1, 20_000 + n, 1000 * i + n, ttl));
      }
      assert.deepEqual([events.some(isOpen), events.some(isScan)], [comesIn, !comesIn], `TTL ${ttl}`);
    }
  });

  it("and gets the client banned delays it once: its next complete sequence opens, silently until then", () => {
    const { attempts, send } = scene("7000,8000,9000", "Ban_Time = 60\n");
    const types = (events: readonly KnockEvent[]) => events.map(({ type }) => type);
    const strays = (at: number) => Array.from({ length: 8 }, (_, n) => send(1, 20_000 + n, at)).flat();
    send(1, 7000, 0);
    assert.deepEqual(types(strays(100)), ["scan"]);
    assert.deepEqual([send(1, 7000, 200), send(1, 8000, 500)], [[], []]);
    assert.deepEqual(types(send(1, 9000, 1000)), ["stage", "open"]);
    assert.deepEqual(types(send(1, 7000, 2000)), ["stage"], "and it is banned no longer");
    assert.equal(attempts.live, 1);
  });

  it("allows just one more try: a scanner stays banned to the end, which is logged once", () => {
    const { send } = scene("7000,8000,9000", "Ban_Time = 60\n");
    const strays = (at: number) => Array.from({ length: 8 }, (_, n) => send(1, 20_000 + n, at)).flat();
    send(1, 7000, 0);
    assert.equal(strays(100).length, 1);
    const again = [7000, 8000].flatMap((port, i) => send(1, port, 200 + i));
    assert.deepEqual([...again, ...strays(300)], []);
    assert.deepEqual(
      [7000, 8000, 9000].flatMap((port, i) => send(1, port, 60_200 + i)),
      [],
      "the second one began another ban",
    );
    assert.equal(send(1, 7000, 60_300).length, 1);
  });

  it("cannot begin the extra try for the client: what times out is not logged", () => {
    const { attempts, send } = scene("7000,8000,9000", "Ban_Time = 60\nSeq_Timeout = 5\n");
    send(1, 7000, 0);
    for (let n = 0; n < 8; n++) send(1, 20_000 + n, 1);
    send(1, 7000, 2);
    assert.deepEqual([attempts.live, attempts.expire(6000).length, attempts.live], [1, 0, 0]);
  });
});
