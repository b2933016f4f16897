// Tests what is made of a source's records: its last 32 packets and one sentence, which never contains a port.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Attempts } from "../src/attempts/attempts.ts";
import { parseConfig } from "../src/config/parse.ts";
import { explain } from "../src/control/commands/explain.ts";
import { follow } from "../src/control/commands/follow.ts";
import type { ClientRequest } from "../src/control/handler.ts";
import type { Answer } from "../src/control/protocol.ts";
import { isOfCode, VERDICT, type VerdictKind } from "../src/events/observer.ts";
import { verdictLine } from "../src/history/describe.ts";
import { DoorChanges } from "../src/history/door-changes.ts";
import { explain as explanationOf } from "../src/history/explanation.ts";
import { PacketHistory } from "../src/history/packet-history.ts";
import type { Verdict } from "../src/history/verdict.ts";
import { type Address, formatAddress, parseAddress } from "../src/net/address.ts";
import { LISTENING, scene } from "./arbitrary.ts";
import { HASH_KEY, Reference } from "./reference.ts";
import { toPacket } from "./story.ts";

const own = { ipv4: "10.77.0.1", ipv6: "fd77::1" };
const knocker = parseAddress("10.77.0.2")!;

function changesOf(config: string): DoorChanges {
  const changes = new DoorChanges();
  changes.setDoors(parseConfig(config, "", () => undefined).doors, 0);
  return changes;
}

const verdict = (at: number, kind: Verdict["kind"], more: Partial<Verdict> = {}): Verdict => {
  const knock = { protocol: "tcp", port: 7000 + at } as const;
  return { at, knocker, kind, door: "a", stage: 0, of: 3, detail: 0, times: 1, knock, ...more };
};

const words = (text: string) => /\b70\d\d\b/.exec(text)?.[0];

describe("an explanation", () => {
  it("covers the last 32 packets, where a packet with verdicts of two doors counts once", () => {
    const noted = Array.from({ length: 40 }, (_, i) => [
      verdict(i, "wrong", { stage: 1 }),
      verdict(i, "stage", { stage: 1, door: "b" }),
    ]).flat();
    const { packets, verdicts } = explanationOf(noted, changesOf("[a]\nsequence = 1,2\n"), 100);
    assert.equal(packets, 32);
    assert.equal(verdicts.length, 64);
    assert.deepEqual([verdicts[0]!.at, verdicts[0]!.door], [8, "a"]);
  });

  it("counts the last knock once if the opening is held for a moment", () => {
    const tcp = (port: number) => ({ protocol: "tcp" as const, port });
    const noted = [1, 2, 3].map((stage) => verdict(0, "stage", { stage, knock: tcp(stage) }));
    noted.push(verdict(0, "held", { stage: 3, knock: tcp(3) }), verdict(6, "open", { stage: 3, knock: undefined }));
    const { packets, outcome } = explanationOf(noted, changesOf("[a]\nsequence = 1,2,3\n"), 100);
    assert.deepEqual([packets, outcome], [3, "opened"]);
  });

  it("names the command of a door that has one, otherwise the firewall", () => {
    const of = (config: string) => explanationOf([verdict(0, "open")], changesOf(config), 0).advice;
    assert.match(of("[a]\nsequence = 1,2\nopen = tcp/22\n"), /your own firewall may refuse the port too/);
    assert.match(of("[a]\nsequence = 1,2\ncommand = true\n"), /the log for the command of a\.$/);
    assert.match(of("[a]\nsequence = 1,2\nopen = tcp/22\ncommand = true\n"), /the log for the command of a\.$/);
  });

  it("says how long a door still waits, if that is known", () => {
    const changes = changesOf("[a]\nsequence = 7000,7001,7002\nseq_timeout = 10\n");
    const of = (...noted: Verdict[]) => explanationOf(noted, changes, 6000).advice;
    assert.match(of(verdict(1000, "stage", { stage: 1 })), /^a waits for the knock of Stage 2, for 5 s more\. /);
    assert.match(
      of(verdict(3000, "stage", { stage: 2, detail: 2500 })),
      /^a waits for the knock of Stage 3, for 4\.5 s more\. /,
    );
    assert.match(of(verdict(3000, "twice", { stage: 1 })), /^a waits for the knock of Stage 2\. /);
  });

  it("does not call a knock lost that it reported as a retransmission", () => {
    const changes = changesOf("[a]\nsequence = 7000,7000,7002\nseq_timeout = 10\n");
    const knock = { protocol: "tcp", port: 7000 } as const;
    const of = (...noted: Verdict[]) => explanationOf(noted, changes, 6000).advice;
    const [first, again] = [
      verdict(0, "stage", { stage: 1, knock }),
      verdict(1000, "again", { door: undefined, knock }),
    ];
    const timeout = verdict(10_000, "timeout", { stage: 1, knock: undefined });
    for (const noted of [
      [first, again],
      [first, verdict(500, "twice", { stage: 1, knock }), again],
      [first, again, timeout],
    ]) {
      assert.doesNotMatch(of(...noted), /lost/);
      assert.match(of(...noted), /the next knock did not arrive|waits for the knock of Stage 2/);
      assert.match(of(...noted), /an earlier packet, repeated by/);
      assert.equal(words(of(...noted)), undefined);
    }
    // A packet of another stage, or of an earlier attempt, does not belong to it.
    assert.match(of({ ...again, at: -5 }, first), /lost/);
    assert.match(of(first, verdict(1, "again", { door: undefined }), timeout), /lost/);
  });

  it("reports the next knock after a timeout as late, once, and no other knock", () => {
    const changes = changesOf("[a]\nsequence = 7000,7001,7002\nseq_timeout = 2\n");
    const tcp = (port: number) => ({ protocol: "tcp" as const, port });
    const timeout = verdict(2010, "timeout", { stage: 1, detail: 10, knock: undefined });
    const later = (at: number, port: number) => verdict(at, "later", { door: undefined, of: 0, knock: tcp(port) });
    const noted = [verdict(0, "stage", { stage: 1 }), timeout, later(2500, 7002), later(3300, 7001), later(3400, 7001)];
    const { verdicts, advice } = explanationOf(noted, changes, 4000);
    assert.deepEqual(verdicts.map(verdictLine), [
      "a: Stage 1 of 3",
      "a: sequence timeout (stage 1)",
      "ignored: a later knock of a sequence that has not begun",
      "a: too late by 1.3 s for Stage 2",
      "ignored: a later knock of a sequence that has not begun",
    ]);
    assert.match(advice, /^Knock faster, within the 2 s that a allows/);
    const [, , afterAll] = explanationOf([noted[0]!, timeout, later(70_000, 7001)], changes, 70_001).verdicts;
    assert.equal(afterAll!.kind, "later");
  });

  it("ends an attempt when its door changed, but not one that was already over", () => {
    const changes = changesOf("[a]\nsequence = 1,2,3\n");
    const noted = [verdict(5, "stage", { stage: 1 })];
    const ended = [...noted, verdict(6, "wrong", { stage: 1 })];
    changes.setDoors([], 10);
    const after = verdict(20, "later", { door: undefined });
    assert.deepEqual(
      explanationOf([...noted, after], changes, 30).verdicts.map(({ kind, at }) => [kind, at]),
      [
        ["stage", 5],
        ["changed", 10],
        ["later", 20],
      ],
    );
    assert.equal(explanationOf(ended, changes, 30).verdicts.length, 2);
  });

  it("agrees with the reference model in generated scenes, says what to do and shows no port", () => {
    const sources = ["10.77.0.2", "fd77::2"];
    const scenes = scene({ sources, own, mostWalks: 8, gap: 0.04, seqTimeout: 1, again: true, policies: true });
    const seen = new Set<string>();
    fc.assert(
      fc.property(scenes, ({ config, packets }) => {
        const history = new PacketHistory();
        const isOurs = (to: Parameters<typeof formatAddress>[0]) => Object.values(own).includes(formatAddress(to));
        const isStray = ({ port }: { port: number }) => port !== LISTENING;
        const attempts = new Attempts({ isOurs, isStray, hashKey: HASH_KEY, capacity: 64, observer: history });
        const { doors } = parseConfig(config, "", () => undefined);
        const resolvedDoors = doors.map((door) => ({
          door,
          targets: door.target && [parseAddress(door.target.host)!],
        }));
        attempts.setDoors(resolvedDoors);
        history.setDoors(resolvedDoors, 0);
        const reference = new Reference(resolvedDoors, { isOurs, isStray });
        let now = 0;
        for (const segment of packets) {
          now = Math.round(segment.at * 1000);
          attempts.expire(now);
          attempts.knock(toPacket(segment), now);
          reference.knock(toPacket(segment), now);
        }
        for (const source of sources) {
          const noted = history.of(parseAddress(source)!);
          const { verdicts, packets: told, advice, outcome } = explanationOf(noted, history.changes, now);
          assert.ok(told <= 32);
          assert.equal(outcome === "nothing seen", told === 0);
          assert.notEqual(advice, "");
          for (const line of [advice, ...verdicts.map(verdictLine)]) assert.equal(words(line), undefined, line);
          const mine = reference.kinds.filter((kind) => kind.startsWith(`${source} `));
          // The same packet again is one of several, and a later one may be reported as late.
          const one = ({ door, kind, stage, detail }: Verdict) =>
            `${source} ${door ?? "-"}: ${kind} ${stage} ${detail}`;
          // A source's record has 48 entries. Those from before its first knock are elsewhere (unknown-sources.ts).
          const inFull = noted.slice(-48).flatMap((entry) => Array(entry.times).fill(one(entry)));
          const withoutDetail = (kinds: string[]) => kinds.map((kind) => kind.replace(/ [\d.]+$/, ""));
          // If a source did more than there is room for, something in the middle is missing.
          const kept = noted.length < 48 ? inFull : inFull.slice(-32);
          assert.deepEqual(withoutDetail(kept), withoutDetail(mine.slice(-kept.length)));
          if (noted.length < 48) assert.equal(inFull.length, mine.length);
          for (const { kind } of verdicts) seen.add(kind);
        }
      }),
      { numRuns: 400, seed: 7000, includeErrorInReport: true },
    );
    const notHere = ["held", "used", "answer"]; // nothing is held, no sequence is one-time, and we open no connections
    assert.deepEqual(
      [...seen].sort(),
      Object.keys(VERDICT)
        .filter((kind) => !notHere.includes(kind) && !isOfCode(VERDICT[kind as VerdictKind])) // code-attempts.test.ts
        .sort(),
    );
  });
});

describe("the command follow", () => {
  const source = parseAddress("10.77.0.2")!;
  const history = new PacketHistory();
  const request = { args: { ip: "10.77.0.2" }, mayChange: true };

  it("is for root, for one client at a time, and can be ended", () => {
    const calls: string[] = [];
    const packetLoop = {
      history,
      follow: (address: Address) => {
        calls.push(formatAddress(address));
        return calls.length > 1 ? undefined : () => void calls.push("end");
      },
    };
    const begin = (asked: ClientRequest) => follow(packetLoop)(asked, () => assert.fail());
    assert.throws(() => begin({ ...request, mayChange: false }), /only root may/);
    assert.throws(() => begin({ ...request, args: { ip: "x" } }), /"x" is not an IP address/);
    const end = begin(request);
    assert.throws(() => begin(request), /another address is being followed/);
    end();
    assert.deepEqual(calls, ["10.77.0.2", "10.77.0.2", "end"]);
  });

  it("reports at most 100 verdicts a second", () => {
    const told: string[] = [];
    let onVerdict: (verdict: Verdict) => void = () => assert.fail();
    const packetLoop = {
      history,
      follow: (_: Address, wanted: typeof onVerdict) => {
        onVerdict = wanted;
        return () => {};
      },
    };
    follow(packetLoop)(request, (answer) => told.push((answer as { text: string }).text));
    for (let i = 0; i < 1000; i++) onVerdict(verdict(i, "other", { door: undefined, knocker: source }));
    assert.deepEqual(told, Array(100).fill("ignored: not a knock of any door"));
  });
});

describe("the command explain", () => {
  const history = new PacketHistory();
  const ask = (args: Record<string, unknown>, mayChange = true) => explain(history)({ args, mayChange });

  it("refuses an invalid address, and refuses secrets to users other than root", () => {
    assert.throws(() => ask({}), /no ip/);
    assert.throws(() => ask({ ip: "10.77.0" }), /^Error: "10\.77\.0" is not an IP address/);
    assert.throws(() => ask({ last: true }), /no client has knocked/);
    assert.throws(() => ask({ ip: "10.77.0.2", secrets: true }, false), /only root may/);
  });

  it("shows the same time for a packet in every call, to the millisecond, even if the clock is set", async () => {
    const told = () =>
      (ask({ ip: "10.77.0.3" }) as readonly Answer[]).flatMap((answer) =>
        answer.type === "verdict" ? [answer.time] : [],
      );
    const attempts = new Attempts({ isOurs: () => true, isStray: () => true, hashKey: [1, 2], observer: history });
    attempts.setDoors([]);
    const flags = ["syn"] as const;
    const from = "10.77.0.3";
    const packet = toPacket({ from, to: own.ipv4, port: 7005, protocol: "tcp", flags, sourcePort: 1, seq: 1 });
    attempts.knock(packet, performance.now());
    const [time] = told();
    assert.ok(Math.abs(Date.parse(time!) - Date.now()) < 10_000);
    const wall = Date.now;
    try {
      for (let i = 0; i < 200; i++) {
        Date.now = () => wall() + 3_600_000 * (i % 2);
        assert.deepEqual(told(), [time]);
        await new Promise(setImmediate);
      }
    } finally {
      Date.now = wall;
    }
  });

  it("shows other users what it shows root without secrets", () => {
    const attempts = new Attempts({ isOurs: () => true, isStray: () => true, hashKey: [1, 2], observer: history });
    const { doors } = parseConfig("[a]\nsequence = 7000,7001\n", "", () => undefined);
    attempts.setDoors(doors.map((door) => ({ door, targets: undefined })));
    const from = "10.77.0.2";
    for (const port of [7000, 7001]) {
      const flags = ["syn"] as const;
      const packet = toPacket({ from, to: own.ipv4, port, protocol: "tcp", flags, sourcePort: port, seq: port });
      attempts.knock(packet, performance.now());
    }
    const type = (answer: { type: string }) => answer.type;
    const [asMember, asRoot] = [ask({ ip: from }, false), ask({ ip: from, secrets: true })] as { type: string }[][];
    assert.deepEqual(asMember!.map(type), ["verdict", "verdict", "verdict", "explanation"]);
    assert.doesNotMatch(JSON.stringify(asMember), /700\d/);
    assert.deepEqual((asRoot as { knock?: string }[]).map(({ knock }) => knock).slice(0, 2), ["7000:tcp", "7001:tcp"]);
  });
});
