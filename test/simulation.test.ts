// Tests the daemon in the time of a recording. That it says what the live daemon says: live/replay.test.ts. Here is
// what takes long, or is not possible, on a wire.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { parseClients } from "../src/codes/clients-file.ts";
import { portsOf, windowAt } from "../src/codes/derive.ts";
import { placesOf } from "../src/codes/valid-codes.ts";
import { type NextOneTime, parseConfig } from "../src/config/parse.ts";
import { formatAddress, parseAddress } from "../src/net/address.ts";
import type { CapturedPacket } from "../src/net/packet.ts";
import { OpenPorts } from "../src/replay/open-ports.ts";
import { Savefile } from "../src/replay/pcap-file.ts";
import { play } from "../src/replay/replay.ts";
import { Simulation, type SimulationOptions } from "../src/replay/simulation.ts";
import { UnusedSequences } from "../src/sequences/one-time-memory.ts";
import { frame, type Segment } from "./frame.ts";
import { pcapFile, pcapngFile } from "./pcap-file.ts";
import { savedCorpus } from "./saved-corpus.ts";
import { toPacket } from "./story.ts";

/** When the recordings of these tests begin, in seconds since 1970. */
const BEGIN = 1_467_827_163.25;

function listenersOf(config: string, unused = new UnusedSequences(), clients = "") {
  const next: NextOneTime = (path, warn) => unused.nextOneTime(path, warn);
  const { doors } = parseConfig(config, "knockd.conf", next, (file) => parseClients(clients, file));
  return doors.map((door) => ({ door, targets: door.target && [parseAddress(door.target.host)!] }));
}

class Scene {
  /** `SECONDS line` and `SECONDS $ command`. */
  readonly said: string[] = [];
  readonly openPorts = new OpenPorts();
  readonly simulation: Simulation;
  #sourcePort = 40_000;

  constructor(config: string, more: Partial<SimulationOptions> = {}) {
    const since = (time: number) => Math.round(1e6 * (time - BEGIN)) / 1e6;
    this.simulation = new Simulation({
      resolvedDoors: listenersOf(config),
      isOurs: (address) => formatAddress(address) === "10.77.0.1",
      openPorts: this.openPorts,
      oneTimeFiles: new UnusedSequences(),
      mayDuplicate: false,
      said: (line, time) => void this.said.push(`${since(time)} ${line}`),
      ran: (command, time) => void this.said.push(`${since(time)} $ ${command}`),
      ...more,
    });
  }

  async knock(at: number, port: number, more: Partial<Segment & { protocol: "tcp" | "udp" }> = {}): Promise<void> {
    const packet = toPacket({
      from: "10.77.0.2",
      to: "10.77.0.1",
      protocol: "tcp",
      flags: ["syn"],
      sourcePort: ++this.#sourcePort,
      seq: this.#sourcePort,
      ...more,
      port,
    } as Parameters<typeof toPacket>[0]);
    await this.simulation.knock({ ...packet, length: 60, time: BEGIN + at } as CapturedPacket);
  }

  async end(): Promise<readonly string[]> {
    await this.simulation.end();
    return this.said;
  }
}

const DOOR = `
[door]
  sequence = 7001,7003,7002
  seq_timeout = 10
  start_command = open %IP%
  cmd_timeout = 3600
  stop_command = close %IP%
`;

describe("a replay", () => {
  it("follows the times of its packets: an hour passes at once, also after the last packet", async () => {
    const scene = new Scene(DOOR);
    for (const [at, port] of [
      [0, 7001],
      [1.5, 7003],
      [3.000001, 7002],
      [7200, 7001],
    ] as const) {
      await scene.knock(at, port);
    }
    assert.deepEqual(await scene.end(), [
      "0 10.77.0.2: door: Stage 1",
      "1.5 10.77.0.2: door: Stage 2",
      "3.000001 10.77.0.2: door: Stage 3",
      "3.000001 10.77.0.2: door: OPEN SESAME",
      "3.000001 door: running command: open 10.77.0.2",
      "3.000001 $ open 10.77.0.2",
      "3603.000001 10.77.0.2: door: command timeout",
      "3603.000001 door: running command: close 10.77.0.2",
      "3603.000001 $ close 10.77.0.2",
      "7200 10.77.0.2: door: Stage 1",
      "7210 10.77.0.2: door: sequence timeout (stage 1)",
    ]);
    assert.equal(scene.simulation.opened, 1);
  });

  it("lets bans and cooldowns end by that time", async () => {
    const scene = new Scene(`${DOOR}Max_Strays = 1\nBan_Time = 60\nSeq_Cooldown = 100`);
    await scene.knock(0, 7001);
    await scene.knock(1, 7009);
    await scene.knock(60.9, 7001);
    for (const [i, port] of [7001, 7003, 7002].entries()) await scene.knock(61.1 + i, port);
    await scene.knock(163, 7001);
    await scene.knock(163.25, 7001, { from: "10.77.0.3" });
    await scene.knock(163.5, 7001);
    const said = await scene.end();
    assert.deepEqual(
      said.filter((line) => !/command|\$|Stage [23]/.test(line)),
      [
        "0 10.77.0.2: door: Stage 1",
        "1 10.77.0.2: scan: 1 other port touched, ignored for 60 seconds",
        "61.1 10.77.0.2: door: Stage 1",
        "63.1 10.77.0.2: door: OPEN SESAME",
        "163.25 10.77.0.3: door: Stage 1",
        "163.5 10.77.0.2: door: Stage 1",
        "173.25 10.77.0.3: door: sequence timeout (stage 1)",
        "173.5 10.77.0.2: door: sequence timeout (stage 1)",
      ],
    );
  });

  it("has the kernel close built-in doors in time, whichever firewall the config names", async () => {
    for (const firewall of ["gate", "mark 0x100000", "set inet filter a b"]) {
      const door = "[web]\nsequence = 5000,6000\nopen = tcp/80\nfor = 30s\ncommand = true %IP%\n";
      const scene = new Scene(`[options]\nFirewall = ${firewall}\n${door}`);
      for (const at of [0, 10]) {
        await scene.knock(at, 5000);
        await scene.knock(at + 0.25, 6000);
      }
      const lines = (at: number, what: string) => [
        `${at} 10.77.0.2: web: Stage 1`,
        `${at + 0.25} 10.77.0.2: web: Stage 2`,
        `${at + 0.25} 10.77.0.2: web: OPEN SESAME`,
        `${at + 0.25} 10.77.0.2: web: ${what} tcp/80 for 30 seconds`,
        `${at + 0.25} $ true 10.77.0.2`,
      ];
      const said = (await scene.end()).filter((line) => !line.includes("running command"));
      assert.deepEqual(said, [...lines(0, "opened"), ...lines(10, "extended"), "40.5 10.77.0.2: web: closed"]);
    }
  });

  it("does not count a port as a stray if it replies", async () => {
    const strict = `${DOOR}Strict = yes`;
    for (const answers of [true, false]) {
      const scene = new Scene(strict);
      if (answers) scene.openPorts.observe(packetFrom("10.77.0.1", 443, ["syn", "ack"]));
      await scene.knock(0, 7001);
      await scene.knock(1, 443);
      await scene.knock(2, 7003);
      const said = await scene.end();
      assert.equal(
        said.some((line) => line.endsWith("Stage 2")),
        answers,
      );
      assert.equal(
        said.some((line) => line.includes("scan: 1 other")),
        !answers,
      );
    }
  });

  it("holds back the same lines of a flood as the daemon, and reports that a second later", async () => {
    const scene = new Scene(DOOR);
    for (let i = 0; i < 150; i++) await scene.knock(i / 1000, 7001, { from: `10.77.1.${i}` });
    const said = await scene.end();
    assert.equal(said.filter((line) => line.endsWith("Stage 1")).length, 100);
    assert.ok(said.includes("1 50 similar lines not logged (Stage 1)"), said.join("\n"));
    assert.equal(said.at(-1), "11 50 similar lines not logged (sequence timeout)");
  });

  it("of cooked captures counts a packet once that was seen twice", async () => {
    const twice = "[door]\nsequence = 7001:udp,7001:udp\n";
    for (const [mayDuplicate, stage] of [
      [true, 1],
      [false, 2],
    ] as const) {
      const scene = new Scene(twice, { mayDuplicate });
      for (let i = 0; i < 2; i++) await scene.knock(0, 7001, { protocol: "udp", sourcePort: 40_000 });
      assert.match((await scene.end()).join(), new RegExp(`Stage ${stage}(?!.*Stage)`));
    }
  });

  it("continues if the clock of the capture was set back", async () => {
    const scene = new Scene(DOOR);
    await scene.knock(0, 7001);
    await scene.knock(-3600, 7003);
    await scene.knock(-3591, 7002);
    assert.deepEqual((await scene.end()).slice(0, 4), [
      "0 10.77.0.2: door: Stage 1",
      "-3600 10.77.0.2: door: Stage 2",
      "-3591 10.77.0.2: door: Stage 3",
      "-3591 10.77.0.2: door: OPEN SESAME",
    ]);
  });
});

it("reports with each line the fields of LogFormat = json", async () => {
  const beside: object[] = [];
  const scene = new Scene(DOOR, { said: (_line, _time, fields) => void beside.push(fields) });
  for (const [at, port] of [7001, 7003, 7002].entries()) await scene.knock(at, port);
  await scene.end();
  const at = { ip: "10.77.0.2", door: "door" };
  const stages = [1, 2, 3].map((stage) => ({ event: "stage", ...at, stage }));
  assert.deepEqual(beside, [...stages, { event: "open", ...at }, at, at, at]);
});

describe("a capture file", () => {
  const dir = mkdtempSync(join(tmpdir(), "replay-"));
  after(() => rmSync(dir, { recursive: true }));
  const written = (name: string, bytes: Buffer) => {
    writeFileSync(join(dir, name), bytes);
    return Savefile.find(join(dir, name));
  };
  const segment = (port: number, more: Partial<Segment> = {}): Segment => ({
    from: "10.77.0.2",
    to: "10.77.0.1",
    protocol: "tcp",
    sourcePort: 40_000 + port,
    port,
    ...more,
  });
  const ANSWER = segment(40_443, { from: "10.77.0.1", to: "10.77.0.2", sourcePort: 443, flags: ["syn", "ack"] });
  async function played(savefile: Promise<Savefile>, config: string, own: string[] = []) {
    const lines: string[] = [];
    const result = await play(await savefile, {
      resolvedDoors: listenersOf(config),
      unused: new UnusedSequences(),
      own: own.map((text) => parseAddress(text)!),
      onBatch: async () => true,
      said: (line) => void lines.push(line),
      ran() {},
    });
    return { ...result, knockedAt: result.knockedAt.map(formatAddress), lines };
  }

  it("is read twice, so that a port counts as open before it replies", async () => {
    const frames = [segment(7001), segment(443), ANSWER, segment(7003)].map((one) => frame(one));
    const { lines, packets, knockedAt } = await played(written("a.pcap", pcapFile(1, frames)), `${DOOR}Strict = yes`);
    assert.deepEqual([packets, knockedAt], [4, ["10.77.0.1"]]);
    assert.deepEqual(lines.slice(0, 2), ["10.77.0.2: door: Stage 1", "10.77.0.2: door: Stage 2"]);
  });

  it("belongs to the host with the given addresses, otherwise each destination counts", async () => {
    const frames = [segment(7001), segment(7001, { to: "10.77.0.9", from: "10.77.0.3" })].map((one) => frame(one));
    const first = async (own: string[]) => {
      const { lines, knockedAt } = await played(written("b.pcap", pcapFile(1, frames)), DOOR, own);
      return [lines.filter((line) => line.endsWith("Stage 1")).map((line) => line.split(":")[0]), knockedAt];
    };
    assert.deepEqual(await first([]), [
      ["10.77.0.2", "10.77.0.3"],
      ["10.77.0.1", "10.77.0.9"],
    ]);
    assert.deepEqual(await first(["10.77.0.9"]), [["10.77.0.3"], ["10.77.0.9"]]);
    assert.deepEqual(await first(["fd77::1"]), [[], []]);
  });

  it("may be pcap or pcapng, with the same result", async () => {
    const frames = [segment(7001), segment(7003), segment(7002)].map((one) => frame(one));
    const [pcap, pcapng] = [written("e.pcap", pcapFile(1, frames)), written("e.pcapng", pcapngFile(1, frames))];
    const [one, other] = [await played(pcap, DOOR), await played(pcapng, DOOR)];
    assert.equal(one.openings, 1);
    assert.deepEqual(other, one);
  });

  it("that is damaged is replayed up to the damage", async () => {
    const whole = pcapFile(
      1,
      [segment(7001), segment(7003), segment(7002)].map((one) => frame(one)),
    );
    const { lines, damage, openings } = await played(written("c.pcap", whole.subarray(0, -1)), DOOR);
    assert.match(damage ?? "", /^truncated dump file/);
    assert.deepEqual([lines[1], openings], ["10.77.0.2: door: Stage 2", 0]);
  });

  it("that is compressed by gzip is read like any other, and up to the end if it is truncated", async () => {
    const ports = Array.from({ length: 400 }, (_, i) => [7001, 7003, 7002][i % 3]!);
    const plain = pcapFile(
      1,
      ports.map((port) => frame(segment(port, { payload: randomBytes(200) }))),
    );
    const packed = gzipSync(plain);
    const [one, other] = [await played(written("g.pcap", plain), DOOR), await played(written("g.gz", packed), DOOR)];
    assert.ok(one.openings > 0);
    assert.deepEqual(other, one);
    const { damage, packets } = await played(written("h.pcap.gz", packed.subarray(0, packed.length >> 1)), DOOR);
    assert.match(damage ?? "", /^truncated dump file|^unexpected end of file$/);
    assert.ok(packets > 0 && packets < 400, `${packets}`);
  });

  it("reports how many frames contained no TCP or UDP header", async () => {
    const frames = [segment(7001), { ...segment(7003), protocol: 1 }].map((one) => frame(one as Segment));
    const { packets, otherFrames } = await played(written("i.pcap", pcapFile(1, [...frames, Buffer.alloc(10)])), DOOR);
    assert.deepEqual([packets, otherFrames], [1, 2]);
  });

  for (const { linkType, bytes, title } of savedCorpus().slice(0, 11))
    it(`of ${title} is read`, async () => {
      const { packets, otherFrames } = await played(written("j.pcap", pcapFile(linkType, [bytes])), DOOR);
      assert.deepEqual([packets, otherFrames], [1, 0]);
    });

  it("of an unsupported link type is refused, by number and name", async () => {
    const refused = (linkType: number) => played(written("d.pcap", pcapFile(linkType, [])), DOOR);
    await assert.rejects(refused(105), { message: "link type 105 (802.11) is not supported" });
    await assert.rejects(refused(147), { message: /^link type 147 \(.*\) is not supported$/ });
  });
});

function packetFrom(from: string, sourcePort: number, flags: ("syn" | "ack")[]) {
  return toPacket({ from, to: "10.77.0.2", sourcePort, port: 40_000, protocol: "tcp", flags, seq: 1 });
}

it("with verdicts, reports why packets for a door had no effect, and nothing about others", async () => {
  const ignored: string[] = [];
  const scene: Scene = new Scene(`${DOOR}tcpflags = syn\nSeq_Cooldown = 100`, {
    ignored: (line) => void ignored.push(line),
  });
  await scene.knock(0, 7001);
  await scene.knock(1, 7001);
  await scene.knock(2, 7003, { flags: ["ack"] });
  await scene.knock(3, 7002);
  await scene.knock(4, 7003);
  await scene.knock(5, 7009);
  await scene.knock(5, 7009, { to: "10.77.0.9" });
  await scene.knock(5, 7001, { to: "10.77.0.9" });
  for (const [i, port] of [7001, 7003, 7002, 7001].entries()) await scene.knock(6 + i, port);
  await scene.end();
  assert.deepEqual(ignored, [
    "10.77.0.2: door: ignored: the knock of Stage 1 came again",
    "10.77.0.2: ignored: TCP flags match no door (TCPFlags)",
    "10.77.0.2: door: wrong knock for Stage 2; the attempt is void",
    "10.77.0.2: ignored: a later knock of a sequence that has not begun",
    "10.77.0.2: ignored: not sent to this host's address",
    "10.77.0.2: door: ignored: opened a moment ago; the cooldown lasts 99 s more",
  ]);
});

it("checks codes by the time of the capture, and runs commands with the client's name", async () => {
  const clients = "[phone]\ndoor = ssh\nsecret = JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\nports = 73,71,75\n";
  const resolvedDoors = listenersOf("[ssh]\nClients = c\ncommand = let %CLIENT% %IP%", undefined, clients);
  const scene = new Scene("[x]\nsequence = 1", { resolvedDoors });
  const [phone] = resolvedDoors[0]!.door.clients;
  const ports = portsOf(phone!.blocks, placesOf(phone!, windowAt(1000 * BEGIN)));
  for (const [i, port] of ports.entries()) await scene.knock(0.2 * i, port);
  for (const [i, port] of ports.entries()) await scene.knock(1 + 0.2 * i, port, { from: "10.77.0.9" });
  await scene.simulation.end();
  assert.deepEqual(
    scene.said.filter((line) => !line.includes("Stage")),
    [
      "0.65 10.77.0.2: ssh: code of phone accepted",
      "0.65 10.77.0.2: ssh: OPEN SESAME",
      "0.65 ssh: running command: let phone 10.77.0.2",
      "0.65 $ let phone 10.77.0.2",
      "1.4 10.77.0.9: ssh: code of phone was already used by 10.77.0.2: replay",
    ],
  );
});
