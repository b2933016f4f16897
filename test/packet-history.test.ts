// Tests what the state machine records of the packets of each source.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Attempts } from "../src/attempts/attempts.ts";
import { parseConfig } from "../src/config/parse.ts";
import { PacketHistory } from "../src/history/packet-history.ts";
import type { Verdict } from "../src/history/verdict.ts";
import { type Address, copyOf, formatAddress, parseAddress } from "../src/net/address.ts";
import type { Packet } from "../src/net/packet.ts";
import { toPacket } from "./story.ts";

const OURS = "10.77.0.1";
const CONFIG = `
[openSSH]
  sequence = 7000,8000,9000
  seq_timeout = 10
[closeSSH]
  sequence = 9000,8000,7000
  seq_timeout = 10
[alone]
  sequence = 7100
`;

class Scene {
  readonly history = new PacketHistory();
  readonly attempts: Attempts;
  #sent = 0;

  constructor(config = CONFIG) {
    this.attempts = new Attempts({
      isOurs: (to) => formatAddress(to) === OURS,
      isStray: () => true,
      hashKey: [3, 4],
      capacity: 4096,
      observer: this.history,
    });
    const { doors } = parseConfig(config, "", () => undefined);
    const resolvedDoors = doors.map((door) => ({ door, targets: undefined }));
    this.attempts.setDoors(resolvedDoors);
    this.history.setDoors(resolvedDoors, 0);
  }

  packet(from: string, port: number, protocol: "tcp" | "udp" = "tcp"): Packet {
    const n = ++this.#sent;
    return toPacket({ from, to: OURS, port, protocol, flags: ["syn"], sourcePort: 1024 + (n % 60_000), seq: n });
  }

  knock(from: string, ports: readonly number[], at: number): void {
    for (const [i, port] of ports.entries()) this.attempts.knock(this.packet(from, port), at + i);
  }

  of(ip: string): string[] {
    return this.history.of(parseAddress(ip)!).map(short);
  }
}

const short = ({ at, door, kind, stage, of, detail, times }: Verdict) =>
  `${at} ${door ?? "-"} ${kind} ${stage}/${of} ${detail} x${times}`;

describe("the packet history", () => {
  it("contains all verdicts on a source in order, including those from when it was unknown", () => {
    const scene = new Scene();
    scene.knock("10.77.0.3", [7000], 0);
    scene.knock("10.77.0.2", [8000, 7000], 100);
    scene.attempts.knock(scene.packet("10.77.0.2", 8000), 600);
    scene.attempts.knock(scene.packet("10.77.0.2", 9000), 700);
    assert.deepEqual(scene.of("10.77.0.2"), [
      "100 - later 0/0 0 x1",
      "101 openSSH stage 1/3 0 x1",
      "600 openSSH stage 2/3 499 x1",
      "700 openSSH stage 3/3 599 x1",
      "700 openSSH open 3/3 0 x1",
      "700 closeSSH taken 0/3 0 x1",
    ]);
    assert.deepEqual(scene.of("10.77.0.3"), ["0 openSSH stage 1/3 0 x1"]);
    assert.deepEqual(scene.of("10.77.0.4"), []);
    scene.attempts.expire(10_050);
    assert.deepEqual(scene.of("10.77.0.3").at(-1), "10050 openSSH timeout 1/3 50 x1");
  });

  it("keeps the packet's knock separate, because it is secret", () => {
    const scene = new Scene("[a]\nsequence = 7000:udp,7000\n");
    scene.attempts.knock(scene.packet("10.77.0.2", 7000, "udp"), 0);
    scene.attempts.knock(scene.packet("10.77.0.2", 7000), 100);
    const knocks = scene.history.of(parseAddress("10.77.0.2")!).map(({ knock }) => knock);
    const [udp, tcp] = [
      { protocol: "udp", port: 7000 },
      { protocol: "tcp", port: 7000 },
    ];
    assert.deepEqual(knocks, [udp, tcp, undefined]);
  });

  it("passes each verdict to its listener", () => {
    const scene = new Scene();
    const seen: [string, string][] = [];
    scene.history.onVerdict = ({ kind, knocker }) => seen.push([formatAddress(knocker), kind]);
    scene.knock("10.77.0.2", [7000, 7000], 0);
    scene.history.onVerdict = undefined;
    scene.knock("10.77.0.2", [8000], 100);
    assert.deepEqual(seen, [
      ["10.77.0.2", "stage"],
      ["10.77.0.2", "twice"],
    ]);
  });

  it("knows who knocked last", () => {
    const scene = new Scene();
    assert.equal(scene.history.last(), undefined);
    const last = () => formatAddress(scene.history.last()!);
    scene.knock("10.77.0.2", [7000, 8000, 9000], 0);
    assert.equal(last(), "10.77.0.2");
    scene.knock("10.77.0.3", [7000], 100);
    assert.equal(last(), "10.77.0.3");
    scene.knock("10.77.0.4", [22], 200);
    assert.equal(last(), "10.77.0.3", "the other has touched no knock");
    scene.knock("10.77.0.2", [9000], 300);
    assert.equal(last(), "10.77.0.2");
  });

  it("keeps all verdicts on a followed source, even those of an unknown one", () => {
    const scene = new Scene();
    const told: string[] = [];
    scene.history.follow(parseAddress("10.77.0.2"), (verdict) => told.push(short(verdict)));
    scene.knock("10.77.0.2", [22, 23, 24], 0);
    scene.knock("10.77.0.3", [7000], 0);
    scene.history.follow(undefined);
    assert.deepEqual(told, scene.of("10.77.0.2"));
    flood(scene, 20_000, 100);
    assert.deepEqual(scene.of("10.77.0.2"), ["0 - other 0/0 0 x1", "1 - other 0/0 0 x1", "2 - other 0/0 0 x1"]);
  });

  /** Forged first knocks at each of the three doors, many in one moment. */
  function flood(scene: Scene, count: number, at: number, inAMoment = 1000): void {
    const packet = scene.packet("11.0.0.1", 7000);
    const source = packet.source as { w3: number };
    for (let i = 0; i < count; i++) {
      source.w3 = 0x0b000000 + i;
      packet.port = [7000, 9000, 7100][i % 3]!;
      packet.sequence = i;
      scene.attempts.knock(packet, at + Math.floor(i / inAMoment) / 10);
    }
  }

  it("keeps what an honest client did through a million forged first knocks, and reports that others were skipped", () => {
    const scene = new Scene();
    scene.knock("10.77.0.2", [7000, 8000, 7100, 8000], 0);
    const before = scene.of("10.77.0.2");
    assert.ok(before.length > 3);
    assert.equal(scene.history.passedOverAt, Number.NEGATIVE_INFINITY);
    flood(scene, 500_000, 1000);
    scene.knock("10.77.0.3", [7000, 8000, 9000], 1500); // in the middle of it
    scene.knock("10.77.0.2", [7000], 1600);
    flood(scene, 500_000, 2000);
    assert.deepEqual(scene.of("10.77.0.2").slice(-before.length), [...before.slice(1), "1600 openSSH stage 1/3 0 x1"]);
    assert.deepEqual(scene.of("10.77.0.3").slice(-4), [
      "1501 openSSH stage 2/3 1 x1",
      "1502 openSSH stage 3/3 2 x1",
      "1502 openSSH held 3/3 0 x1",
      "1502 closeSSH taken 0/3 0 x1",
    ]);
    assert.equal(Math.floor(scene.history.passedOverAt), 2049);
  });

  it("keeps the beginning for a source that sends more at once than is recorded, and what it does next", () => {
    const scene = new Scene();
    for (let i = 0; i < 500; i++) scene.attempts.knock(scene.packet("10.77.0.2", [7000, 8000][i % 2]!), 0);
    assert.ok(scene.of("10.77.0.2").length <= 49); // the first, of an unknown source
    assert.equal(scene.history.passedOverAt, 0);
    scene.knock("10.77.0.2", [7000, 8000, 9000], 1000);
    assert.ok(scene.of("10.77.0.2").includes("1002 openSSH stage 3/3 2 x1"));
  });

  it("counts the same knock sent many times at once, up to its limit", () => {
    const scene = new Scene();
    for (let i = 0; i < 500; i++) scene.attempts.knock(scene.packet("10.77.0.2", 7000), 0);
    const times = scene.of("10.77.0.2").map((text) => Number(/ x(\d+)$/.exec(text)![1]));
    assert.equal(
      times.reduce((sum, one) => sum + one),
      64,
    );
    assert.equal(scene.history.isSaturated, true);
    assert.equal(scene.history.passedOverAt, 0);
    scene.knock("10.77.0.2", [8000], 1);
    assert.equal(scene.history.isSaturated, false);
  });

  it("takes less than a megabyte, whatever sources there are", async () => {
    const scene = new Scene();
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc");
    // Nothing of an earlier test may interfere: a thread of V8 frees its memory some time after it was collected.
    const measured = async () => {
      for (let last = -1, same = 0; ; await sleep(20)) {
        collect();
        const now = process.memoryUsage().arrayBuffers;
        same = now === last ? same + 1 : 0;
        if (same === 5) return now;
        last = now;
      }
    };
    const before = await measured();
    const second = new PacketHistory();
    const taken = (await measured()) - before;
    assert.ok(taken > 500_000 && taken < 1_000_000, `${taken} bytes`);
    flood(scene, 300_000, 0, 50);
    for (let i = 0; i < 5000; i++) scene.knock(formatAddress(at(i)), [7000, 8000, 9000], 50_000 + i * 100);
    assert.equal(second.last(), undefined);
    const kept = Array.from({ length: 5000 }, (_, i) => scene.history.of(at(i)).length > 3).filter(Boolean).length;
    assert.ok(kept >= 300 && kept <= 512, `${kept} acquaintances`);
  });
  const at = (i: number): Address => ({ ...copyOf(parseAddress("10.78.0.0")!), w3: 0x0a4e0000 + i });

  it("does not let a ban of two months end immediately", () => {
    const scene = new Scene("[options]\nMax_Strays = 1\nBan_Time = 5184000\n[openSSH]\nsequence = 7000,8000,9000\n");
    scene.knock("10.77.0.2", [7000, 1, 7000, 2, 7000, 7000], 1000);
    assert.equal(scene.of("10.77.0.2").at(-1), "1005 openSSH banned 0/3 2147483647 x2");
  });
});
