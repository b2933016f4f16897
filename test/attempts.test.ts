// Compares the state machine with the reference in generated scenes. The stories (stories.test.ts) show each rule
// alone.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Attempts, MAX_ATTEMPTS } from "../src/attempts/attempts.ts";
import { mayBeAnswer } from "../src/capture/answers.ts";
import { parseConfig } from "../src/config/parse.ts";
import type { ResolvedDoor } from "../src/config/resolved-door.ts";
import type { DoorRef, KnockEvent } from "../src/events/knock-event.ts";
import { isOfCode, type Observer, VERDICT, type VerdictKind } from "../src/events/observer.ts";
import { eventLine } from "../src/log/messages.ts";
import { type Address, formatAddress, isHostAddress, parseAddress } from "../src/net/address.ts";
import { type Packet, TCP } from "../src/net/packet.ts";
import { LISTENING, scene } from "./arbitrary.ts";
import { HASH_KEY, Reference } from "./reference.ts";
import { ALL_SCENES, SCENES, SEED } from "./runner/scenes.ts";
import { toPacket } from "./story.ts";

const own = { ipv4: "10.77.0.1", ipv6: "fd77::1" };
const isOurs = (to: Address) => [own.ipv4, own.ipv6].includes(formatAddress(to));
const isStray = ({ port }: Packet) => port !== LISTENING;
const isAnswer = ({ protocol, port, flags }: Packet) => protocol === TCP && port === 7004 && mayBeAnswer(flags);

function listenersOf(config: string): ResolvedDoor[] {
  const { doors } = parseConfig(config, "knockd.conf", () => undefined);
  return doors.map((door) => ({ door, targets: door.target && [parseAddress(door.target.host)!] }));
}

function attemptsAt(config: string, capacity = 64, observer?: Observer): Attempts {
  const attempts = new Attempts({ isOurs, isStray, isAnswer, hashKey: HASH_KEY, capacity, observer });
  attempts.setDoors(listenersOf(config));
  return attempts;
}

/** Codes are tested in code-attempts.test.ts. */
const KINDS = (Object.keys(VERDICT) as VerdictKind[]).filter((kind) => !isOfCode(VERDICT[kind]));
/** Writes what happened to each packet, in the form of reference.ts. */
const witnessOf = (kinds: string[], hasEnough = false): Observer => {
  let source = "";
  return {
    isSaturated: hasEnough,
    begin: (packet) => void (source = formatAddress(packet.source)),
    beginWithout: (knocker) => void (source = formatAddress(knocker)),
    verdict: (code, at, stage, detail) =>
      void kinds.push(`${source} ${at?.ref.name ?? "-"}: ${KINDS[code]} ${stage} ${detail}`),
  };
};

const text = (event: KnockEvent) => eventLine(event, formatAddress(event.knocker));
const syn = (from: string, port: number, n: number) =>
  toPacket({ from, to: own.ipv4, port, protocol: "tcp", flags: ["syn"], sourcePort: 20_000 + n, seq: n });

describe("attempts", () => {
  const sources = ["10.77.0.2", "10.77.0.3", "fd77::2", "fd77::3"];
  // Without policies, so that 0.8's rules are often reached; with policies; with policies while attempts time out.
  // The tables of fixed size (cooldowns.ts, stray-ports.ts) have room for the few sources and doors of a scene.
  for (const [seqTimeout, gap, policies, verdicts = "all"] of [
    [25, 0.01, false],
    [1, 0.3, false],
    [25, 0.01, true],
    [2, 0.1, true],
    [25, 0.0002, false, "all"], // many at the same time: last-packet.ts
    [25, 0.0002, false, "first"], // the same, with an observer that has enough
  ] as const) {
    const dense = gap < 0.001;
    const hasEnough = verdicts === "first";
    const what = `seq_timeout ${seqTimeout}, a packet each ${gap} s${policies ? ", strays and cooldowns" : ""}`;
    it(`agree with the reference model: ${what}`, () => {
      const scenes = scene({ sources, own, mostWalks: 25, gap, seqTimeout, again: true, policies });
      const seen = { lines: 0, atWork: new Map<string, number>(), kinds: new Set<string>() };
      fc.assert(
        fc.property(scenes, ({ config, packets }) => {
          const kinds: string[] = [];
          const attempts = attemptsAt(config, 64, witnessOf(kinds, hasEnough));
          const reference = new Reference(listenersOf(config), { isOurs, isStray, isAnswer });
          const lines: string[] = [];
          for (const segment of packets) {
            const now = Math.round(segment.at * 1000);
            lines.push(...attempts.expire(now).map(text), ...attempts.knock(toPacket(segment), now).map(text));
            reference.knock(toPacket(segment), now);
          }
          const end = 1e6;
          lines.push(...attempts.expire(end).map(text));
          reference.expire(end);
          assert.deepEqual(lines, reference.lines);
          if (!hasEnough) assert.deepEqual(kinds, reference.kinds);
          assert.equal(attempts.live, 0);
          assert.equal(attempts.expire(end + 1).length, 0);
          assert.equal(attempts.deadline, Number.POSITIVE_INFINITY);
          seen.lines += lines.length;
          for (const rule of reference.atWork.keys()) seen.atWork.set(rule, (seen.atWork.get(rule) ?? 0) + 1);
          for (const kind of kinds) seen.kinds.add(kind.split(" ")[2]!);
        }),
        { numRuns: SCENES, seed: SEED, includeErrorInReport: true },
      );
      // A test in which nothing happens proves nothing.
      const share = SCENES === ALL_SCENES ? 1 : SCENES / ALL_SCENES / 2; // another seed generates other scenes
      assert.ok(seen.lines > 10_000 * share, `${seen.lines} lines`);
      const more = ["7", "ban", "cooldown", "knock from elsewhere", "one more try", "stray from elsewhere"];
      const rules = ["1", "16", "17", "2", "3", ...(policies ? more : [])];
      assert.deepEqual([...seen.atWork.keys()].sort(), rules);
      const notHere = ["used", "late", ...(gap > 0.01 ? ["held"] : [])]; // tested below; nothing is held
      if (!policies) notHere.push("banned", "cooldown", "scan");
      // The rarest kinds need all scenes.
      if (!dense && SCENES === ALL_SCENES)
        assert.deepEqual([...seen.kinds].sort(), KINDS.filter((kind) => !notHere.includes(kind)).sort());
      for (const [rule, scenesWithIt] of seen.atWork)
        assert.ok(scenesWithIt > 100 * share, `${rule}: in ${scenesWithIt}`);
    });
  }

  const three = "[a]\nsequence = 7000,8000,9000\nseq_timeout = 10\n";

  it("accept a knock exactly at the timeout, but not a millisecond later by the monotonic clock", () => {
    const attempts = attemptsAt("[a]\nsequence = 7000,8000\nseq_timeout = 2\n");
    attempts.knock(syn("10.77.0.2", 7000, 1), 1000);
    assert.deepEqual(
      attempts
        .knock(syn("10.77.0.2", 8000, 2), 2999.9)
        .map(text)
        .at(-1),
      "10.77.0.2: a: OPEN SESAME",
    );
    attempts.knock(syn("10.77.0.2", 7000, 3), 10_000);
    assert.deepEqual(attempts.knock(syn("10.77.0.2", 8000, 4), 12_000).map(text), [
      "10.77.0.2: a: sequence timeout (stage 1)",
    ]);
  });

  it("report for a late knock that its attempt was over, and since when", () => {
    const kinds: string[] = [];
    const attempts = attemptsAt(three, 64, witnessOf(kinds));
    attempts.knock(syn("10.77.0.2", 7000, 1), 1000);
    attempts.knock(syn("10.77.0.2", 8000, 2), 12_300);
    attempts.knock(syn("10.77.0.2", 8000, 3), 12_400);
    const me = "10.77.0.2";
    assert.deepEqual(kinds, [
      `${me} a: stage 1 0`,
      `${me} a: late 1 1300`,
      `${me} a: timeout 1 1300`,
      `${me} -: later 0 0`,
    ]);
  });

  it("report for a repeated knock the verdict on the first one, not on packets in between", () => {
    const kinds: string[] = [];
    const attempts = attemptsAt(three, 64, witnessOf(kinds));
    attempts.knock(syn("10.77.0.2", 8000, 1), 1000);
    attempts.knock(syn("10.77.0.3", 1234, 2), 1000);
    attempts.knock(syn("10.77.0.2", 8000, 3), 1000);
    assert.deepEqual(kinds, ["10.77.0.2 -: later 0 0", "10.77.0.3 -: other 0 0", "10.77.0.2 -: later 0 0"]);
  });

  it("ignore packets from addresses that no client can have", () => {
    const kinds: string[] = [];
    const notClient = "10.77.0.255";
    const isClient = (source: Address) => isHostAddress(source) && formatAddress(source) !== notClient;
    const attempts = new Attempts({ isOurs, isClient, isStray, hashKey: [1, 2], observer: witnessOf(kinds) });
    attempts.setDoors(listenersOf("[a]\nsequence = 7000,8000\nstrict = yes\n"));
    for (const from of [notClient, "127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"]) {
      for (const [n, port] of [7000, 1234, 8000].entries()) {
        assert.deepEqual(attempts.knock(syn(from, port, n), 0), [], from);
        assert.equal(attempts.knock(syn("10.77.0.2", 7000, 9), 0).length, from === notClient && n === 0 ? 1 : 0);
      }
    }
    assert.deepEqual(
      kinds.filter((kind) => !kind.startsWith("10.77.0.2 ")),
      [],
    );
    assert.equal(attempts.live, 1);
  });

  it("return the deadline of the attempt that expires first", () => {
    const attempts = attemptsAt(`${three}[b]\nsequence = 7001,1\nseq_timeout = 3\n`);
    assert.equal(attempts.deadline, Number.POSITIVE_INFINITY);
    attempts.knock(syn("10.77.0.2", 7000, 1), 1000);
    assert.equal(attempts.deadline, 11_000);
    attempts.knock(syn("10.77.0.3", 7001, 2), 2000);
    assert.equal(attempts.deadline, 5000);
    assert.deepEqual(attempts.expire(4999), []);
    assert.deepEqual(attempts.expire(5000).map(text), ["10.77.0.3: b: sequence timeout (stage 1)"]);
    assert.equal(attempts.deadline, 11_000);
  });

  it("report timeouts in batches, and say that more are pending", () => {
    const attempts = attemptsAt(three);
    for (let i = 1; i <= 10; i++) attempts.knock(syn(`10.77.1.${i}`, 7000, i), 0);
    assert.equal(attempts.expire(10_000, 4).length, 4);
    assert.ok(attempts.deadline <= 10_000);
    assert.equal(attempts.expire(10_000, 4).length, 4);
    assert.equal(attempts.expire(10_000, 4).length, 2);
    assert.equal(attempts.deadline, Number.POSITIVE_INFINITY);
  });

  it("survive the 49 days after which their clock overflows", () => {
    const attempts = attemptsAt(three);
    const wrap = 2 ** 32;
    attempts.knock(syn("10.77.0.2", 7000, 1), wrap - 500);
    attempts.knock(syn("10.77.0.2", 8000, 2), wrap + 500);
    assert.equal(
      attempts
        .knock(syn("10.77.0.2", 9000, 3), wrap + 1000)
        .map(text)
        .at(-1),
      "10.77.0.2: a: OPEN SESAME",
    );
    attempts.knock(syn("10.77.0.2", 7000, 4), wrap - 1000 + 1000 * 3600);
    assert.deepEqual(attempts.expire(wrap + 1000 * 3600 + 9000).map(text), [
      "10.77.0.2: a: sequence timeout (stage 1)",
    ]);
  });

  it("drop the oldest attempts of the first stage when the table is full, but no later stages", () => {
    const attempts = attemptsAt(three, 64);
    const address = (n: number) => `10.77.${2 + (n >> 8)}.${n & 255}`;
    for (let n = 0; n < 32; n++) attempts.knock(syn(address(n), 7000, n), n);
    for (let n = 0; n < 8; n++) attempts.knock(syn(address(n), 8000, 100 + n), 50);
    for (let n = 32; n < 1000; n++) attempts.knock(syn(address(n), 7000, 1000 + n), 100 + n);
    assert.equal(attempts.live, 64);
    const opens = (n: number, from: number) =>
      [8000, 9000].slice(from).some((port) => {
        const events = attempts.knock(syn(address(n), port, 5000 + n * 2 + port), 2000);
        return events.some((event) => event.type === "open");
      });
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5, 6, 7].map((n) => opens(n, 1)),
      Array(8).fill(true),
    );
    assert.equal(opens(999, 0), true);
    assert.equal(opens(950, 0), true);
    assert.equal(opens(20, 0), false);
    assert.equal(opens(900, 0), false);
  });

  it("drop the oldest attempt when all are past the first stage", () => {
    const attempts = attemptsAt(three, 4);
    for (let n = 1; n <= 4; n++) {
      attempts.knock(syn(`10.77.0.${n + 1}`, 7000, n), n);
      attempts.knock(syn(`10.77.0.${n + 1}`, 8000, 10 + n), 10 + n);
    }
    attempts.knock(syn("10.77.0.9", 7000, 30), 30);
    assert.deepEqual(attempts.knock(syn("10.77.0.2", 9000, 31), 31), []);
    assert.equal(attempts.knock(syn("10.77.0.3", 9000, 32), 32).length, 2);
  });

  it("survive a reload if their door did not change, and are dropped otherwise", () => {
    const attempts = attemptsAt(`${three}[b]\nsequence = 7000,8000\n`);
    attempts.knock(syn("10.77.0.2", 7000, 1), 0);
    attempts.knock(syn("10.77.0.3", 7000, 2), 0);
    attempts.setDoors(listenersOf(`[c]\nsequence = 1\n[b]\nsequence = 7000,8000,9000\n${three}command = new\n`));
    const events = attempts.knock(syn("10.77.0.2", 8000, 3), 10);
    assert.deepEqual(events.map(text), ["10.77.0.2: a: Stage 2"]);
    assert.equal(attempts.door((events[0] as { door: DoorRef }).door.id).startCommand, "new");
    assert.deepEqual(attempts.expire(1e6).map(text), [
      "10.77.0.2: a: sequence timeout (stage 2)",
      "10.77.0.3: a: sequence timeout (stage 1)",
    ]);
    for (let i = 0; i < 100; i++) attempts.setDoors(listenersOf(i % 2 === 0 ? "[x]\nsequence = 5,6\n" : three));
    attempts.knock(syn("10.77.0.2", 7000, 9), 1e6);
    assert.deepEqual(attempts.knock(syn("10.77.0.2", 8000, 10), 1e6).map(text), ["10.77.0.2: a: Stage 2"]);
  });

  it("notice the effects of a reload or scan immediately, even if the same knock just had no effect", () => {
    const attempts = attemptsAt(`${three}strict = yes\nban_time = 0\n`);
    const knock = (port: number, n: number) => attempts.knock(syn("10.77.0.2", port, n), 100).map(text);
    assert.deepEqual(knock(7000, 1), ["10.77.0.2: a: Stage 1"]);
    assert.deepEqual(knock(7000, 2), []);
    assert.deepEqual(knock(1234, 3), ["10.77.0.2: scan: 1 other port touched, ignored for 0 seconds"]);
    assert.deepEqual(knock(7000, 4), ["10.77.0.2: a: Stage 1"]);
    assert.deepEqual(knock(7000, 5), []);
    attempts.setDoors(listenersOf("[b]\nsequence = 7000,8000\n"));
    assert.deepEqual(knock(7000, 6), ["10.77.0.2: b: Stage 1"]);
  });

  it("never accept a used one-time sequence, even before the next one is set", () => {
    const kinds: string[] = [];
    const attempts = new Attempts({ isOurs, isStray, hashKey: [1, 2], observer: witnessOf(kinds) });
    const config = "[a]\none_time_sequences = file\n";
    const { doors } = parseConfig(config, "", () => [
      { protocol: "tcp", port: 7000 },
      { protocol: "tcp", port: 8000 },
    ]);
    attempts.setDoors(doors.map((door) => ({ door, targets: undefined })));
    attempts.knock(syn("10.77.0.2", 7000, 1), 0);
    attempts.knock(syn("10.77.0.3", 7000, 2), 0);
    assert.equal(attempts.knock(syn("10.77.0.2", 8000, 3), 100).length, 2);
    assert.deepEqual(attempts.knock(syn("10.77.0.3", 8000, 4), 101), []);
    assert.deepEqual(attempts.knock(syn("10.77.0.4", 7000, 5), 102), []);
    assert.equal(kinds.at(-1), "10.77.0.4 a: used 0 0");
    assert.deepEqual(attempts.expire(1e6), []);
  });

  it("open once if two clients complete the same one-time sequence very fast", () => {
    const kinds: string[] = [];
    const attempts = new Attempts({ isOurs, isStray, hashKey: [1, 2], observer: witnessOf(kinds) });
    const knocks = [7000, 8000].map((port) => ({ protocol: "tcp" as const, port }));
    const { doors } = parseConfig("[a]\none_time_sequences = file\n", "", () => knocks);
    attempts.setDoors(doors.map((door) => ({ door, targets: undefined })));
    for (const from of ["10.77.0.2", "10.77.0.3"]) {
      for (const [i, { port }] of knocks.entries()) attempts.knock(syn(from, port, port), i);
    }
    assert.deepEqual(attempts.expire(6).map(text), ["10.77.0.2: a: OPEN SESAME"]);
    assert.deepEqual(kinds.slice(-2), ["10.77.0.2 a: open 2 0", "10.77.0.3 a: used 0 0"]);
    assert.deepEqual([attempts.live, attempts.deadline], [0, Number.POSITIVE_INFINITY]);
  });

  it("are limited to 1,048,576, however many sources there are", () => {
    const attempts = attemptsAt(three, MAX_ATTEMPTS);
    const packet = syn("10.77.0.2", 7000, 1);
    const source = packet.source as { w3: number };
    for (let n = 0; n < 1_100_000; n++) {
      source.w3 = 0x0b000000 + n;
      packet.sequence = n;
      attempts.knock(packet, n / 1000);
    }
    assert.equal(attempts.live, 1 << 20);
    assert.equal(attempts.expire(1e9, 10).length, 10);
    assert.equal(attempts.live, (1 << 20) - 10);
  });
});
