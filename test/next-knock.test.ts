// Tests which knock is said to open a door if it is the next packet: the decision about that packet must always agree.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Attempts } from "../src/attempts/attempts.ts";
import { mayBeAnswer } from "../src/capture/answers.ts";
import { parseConfig } from "../src/config/parse.ts";
import type { KnockEvent } from "../src/events/knock-event.ts";
import { type Address, formatAddress, parseAddress } from "../src/net/address.ts";
import type { ExpectedKnock } from "../src/net/expected-knock.ts";
import { type Packet, TCP } from "../src/net/packet.ts";
import { LISTENING, scene } from "./arbitrary.ts";
import { HASH_KEY } from "./reference.ts";
import { SCENES, SEED } from "./runner/scenes.ts";
import { toPacket } from "./story.ts";

const own = { ipv4: "10.77.0.1", ipv6: "fd77::1" };
const isOurs = (to: Address) => [own.ipv4, own.ipv6].includes(formatAddress(to));
const isStray = ({ port }: Packet) => port !== LISTENING;
const isAnswer = ({ protocol, port, flags }: Packet) => protocol === TCP && port === 7004 && mayBeAnswer(flags);

function attemptsAt(config: string): Attempts {
  const { doors } = parseConfig(config, "knockd.conf", () => undefined);
  const attempts = new Attempts({ isOurs, isStray, isAnswer, hashKey: HASH_KEY, capacity: 64 });
  attempts.setDoors(doors.map((door) => ({ door, targets: door.target && [parseAddress(door.target.host)!] })));
  return attempts;
}

/** What the daemon asks after a packet (daemon/packet-loop.ts). */
function expectedAfter(attempts: Attempts, events: readonly KnockEvent[], now: number): ExpectedKnock | undefined {
  const [event] = events;
  return event?.type === "stage" ? attempts.expectedKnock(event.door, now) : undefined;
}

const SEQUENCE = [7000, 8000, 9000];
const DOOR = `[door]\nsequence = ${SEQUENCE}\nseq_timeout = 10\ntcpflags = syn\n`;
const FROM = "10.77.0.2";

interface Sent {
  readonly from?: string;
  readonly protocol?: "tcp" | "udp";
  readonly flags?: ("syn" | "ack" | "fin")[];
  readonly ttl?: number;
}

/** `[milliseconds, port]` for each packet. Returns the knock that is expected after the last one. */
function expectedIn(config: string, packets: readonly (readonly [number, number, Sent?])[]): ExpectedKnock | undefined {
  const attempts = attemptsAt(config);
  let expected: ExpectedKnock | undefined;
  packets.forEach(([now, port, sent], n) => {
    const { from = FROM, protocol = "tcp", flags = ["syn"], ttl = 64 }: Sent = sent ?? {};
    const packet = toPacket({ from, to: own.ipv4, port, protocol, flags, sourcePort: 40_000 + n, seq: n + 1, ttl });
    attempts.expire(now);
    expected = expectedAfter(attempts, attempts.knock(packet, now), now);
  });
  return expected;
}

describe("the next knock", () => {
  it("is the last of a sequence, from the same client to the same address, from now to the timeout", () => {
    assert.deepEqual(
      expectedIn(DOOR, [
        [0, 7000],
        [100, 8000],
      ]),
      {
        source: parseAddress(FROM),
        destination: parseAddress(own.ipv4),
        port: 9000,
        protocol: TCP,
        flags: 2,
        soonest: 0,
        latest: 9900,
      },
    );
  });

  it("comes too soon if the whole sequence would be as fast as a scan", () => {
    const { soonest, latest } = expectedIn(DOOR, [
      [0, 7000],
      [10, 8000],
    ])!;
    assert.deepEqual([soonest, latest], [15, 9990]);
    assert.equal(
      expectedIn(`${DOOR}Max_Strays = 0\n`, [
        [0, 7000],
        [10, 8000],
      ])!.soonest,
      0,
      "no scan is looked for",
    );
  });

  it("is the second of two, and one by UDP", () => {
    const { port, soonest } = expectedIn("[door]\nsequence = 7000,8000\ntcpflags = syn\n", [[0, 7000]])!;
    assert.deepEqual([port, soonest], [8000, 25]);
    const udp = expectedIn("[door]\nsequence = 7000:udp,8000:udp\n", [[0, 7000, { protocol: "udp" }]])!;
    assert.deepEqual([udp.port, udp.protocol, udp.flags], [8000, 17, 0]);
  });

  const others = `${DOOR}[other]\nsequence = 1000,1001\ntcpflags = syn\n`;
  const dozens = [...SEQUENCE, ...Array.from({ length: 40 }, (_, i) => 1000 + (i % 2))].map(
    (port, i) => [100 * i, port] as const,
  );

  it("is known again when all of dozens of knocks are too old to come again", () => {
    assert.equal(expectedIn(others, [...dozens, [80_000, 7000], [80_100, 8000]])?.port, 9000);
  });

  const never: Record<string, readonly [config: string, ...packets: (readonly [number, number, Sent?])[]]> = {
    "before the last but one": [DOOR, [0, 7000]],
    "if its port has been knocked on before": [DOOR.replace("8000,9000", "8000,7000"), [0, 7000], [100, 8000]],
    "with another protocol, whose flags and address are unknown": [
      DOOR.replace("9000", "9000:udp"),
      [0, 7000],
      [100, 8000],
    ],
    "after a stray": [DOOR, [0, 7000], [50, 7010], [100, 8000]],
    "after a stray with another TTL, which would count if the TTL changes": [
      DOOR,
      [0, 7000],
      [50, 7010, { ttl: 50 }],
      [100, 8000],
    ],
    "if it may be a copy of an earlier knock that is sent again": [
      DOOR,
      [0, 7000],
      [100, 8000],
      [200, 9000],
      [300, 7000],
      [400, 8000],
    ],
    "if it may be a copy of a knock before dozens of others": [others, ...dozens, [5000, 7000], [5100, 8000]],
    "after a packet that only another door takes, with other flags": [
      `${DOOR}[other]\nsequence = 9\ntcpflags = fin\n`,
      [0, 7000],
      [100, 8000],
      [200, 9, { flags: ["fin"] }],
    ],
    "during a cooldown": [
      "[door]\nsequence = 7000,8000\nCooldown = 60\ntcpflags = syn\n",
      [0, 7000],
      [0, 7000, { from: "10.77.0.3" }],
      [100, 8000, { from: "10.77.0.3" }],
      [200, 7000],
    ],
    "if two doors wait for it": [`${DOOR}${DOOR.replace("door", "other")}`, [0, 7000], [100, 8000]],
    "if it may answer a connection of this host": [
      "[door]\nsequence = 7000,7004\ntcpflags = ack\n",
      [0, 7000, { flags: ["ack"] }],
    ],
  };
  for (const [what, [config, ...packets]] of Object.entries(never)) {
    it(`is unknown ${what}`, () => assert.equal(expectedIn(config, packets), undefined));
  }

  // Without policies and with them; slow, and so fast that openings are held.
  for (const [seqTimeout, gap, policies] of [
    [25, 0.01, false],
    [2, 0.1, true],
    [25, 0.003, true],
  ] as const) {
    it(`opens its door in generated scenes: a packet each ${gap} s${policies ? ", strays and cooldowns" : ""}`, () => {
      const sources = ["10.77.0.2", "10.77.0.3", "fd77::2"];
      const scenes = scene({ sources, own, mostWalks: 12, gap, seqTimeout, again: true, policies });
      const seen = { expected: 0, opened: 0 };
      const draws = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
        minLength: 3,
        maxLength: 3,
      });
      fc.assert(
        fc.property(scenes, draws, ({ config, packets }, [when, which, ttl]) => {
          /** Plays the first packets of the scene, and says what was expected after each. */
          const play = (count: number) => {
            const attempts = attemptsAt(config);
            const expected = packets.slice(0, count).map((segment) => {
              const now = Math.round(segment.at * 1000);
              attempts.expire(now);
              return expectedAfter(attempts, attempts.knock(toPacket(segment), now), now);
            });
            return { attempts, expected };
          };
          for (const [i, expected] of play(packets.length).expected.entries()) {
            if (expected === undefined) continue;
            const count = i + 1;
            const { attempts } = play(count);
            const { soonest, latest } = expected;
            const now = Math.round(packets[count - 1]!.at * 1000) + Math.floor(soonest + when! * (latest - soonest));
            // New numbers, or those of any earlier packet of the scene: it might be taken for that one, sent again.
            const before = packets[Math.floor(which! * 2 * count)];
            const { sourcePort = 51_000, seq = 77 } = before ?? {};
            const sequence = expected.protocol === TCP ? seq : 0;
            const packet = { ...expected, sourcePort, sequence, ttl: ttl! < 0.5 ? 64 : 50 };
            if (attempts.deadline <= now) continue; // a timeout or a held opening comes first, and ends the expectation
            const events = attempts.knock(packet, now);
            seen.expected++;
            if (events.some(({ type }) => type === "open")) seen.opened++;
            else assert.fail(`${JSON.stringify(packet)} at ${now} opens nothing in ${config}`);
          }
        }),
        { numRuns: SCENES, seed: SEED },
      );
      assert.ok(seen.expected > 50, `only ${seen.expected} knocks were expected`);
      assert.equal(seen.opened, seen.expected);
    });
  }
});
