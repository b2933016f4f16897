// Tests captures with real packets in a namespace: what the kernel passes, how it wakes us, and changes of an
// interface.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Door } from "../../src/config/door.ts";
import type { ResolvedDoor } from "../../src/config/resolved-door.ts";
import { frame, type Segment, type Wrap } from "../frame.ts";
import { CaptureClient, type Captured } from "./capture-client.ts";
import { Tun } from "./tun.ts";
import { needsRoot, Wire } from "./wire.ts";

const SYN = { set: 2, clear: 0 };

/** One door with these ports, which expects SYNs if they are TCP. */
function doors(tcp: readonly number[], udp: readonly number[] = []): ResolvedDoor[] {
  const knocks = [...tcp.map((port) => ({ protocol: "tcp", port })), ...udp.map((port) => ({ protocol: "udp", port }))];
  return [{ door: { sequence: knocks, clients: [], tcpFlags: SYN } as unknown as Door, targets: undefined }];
}

const server = "10.77.0.1";
const server6 = "fd77::1";

function knock(port: number, more: Partial<Segment> = {}, wrap: Wrap = {}): Buffer {
  const to = more.to ?? server;
  return frame({ from: to.includes(":") ? "fd77::2" : "10.77.0.2", to, protocol: "tcp", port, ...more }, wrap);
}

interface Stats {
  received: number;
  read: number;
  dropped: number;
}

describe("capture on a wire", { skip: needsRoot }, () => {
  let wire: Wire;
  const ears: CaptureClient[] = [];
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());

  async function capture(
    device: string,
    resolvedDoors: ResolvedDoor[],
    own = [server, server6],
  ): Promise<CaptureClient> {
    const it = await CaptureClient.open(wire, device, "source");
    ears.push(it);
    await it.setDoors(own, resolvedDoors);
    await it.call("start");
    return it;
  }
  const captures = (it: CaptureClient, packets: number) =>
    it.until<Captured>("captured", (captured) => captured.packets >= packets);
  const at0 = (...frames: Buffer[]) => frames.map((bytes) => ({ at: 0, frame: bytes }));

  it("delivers a knock before the next one is sent, and does not buffer while few packets arrive", async () => {
    const it = await capture("eth0", doors([7000], [8000]));
    let sent = false;
    const sending = wire
      .send([
        { at: 0, frame: knock(7000) },
        { at: 2, frame: knock(8000, { protocol: "udp", to: server6 }) },
      ])
      .then(() => {
        sent = true;
      });
    await captures(it, 1);
    assert.equal(sent, false);
    await sending;
    assert.deepEqual(await captures(it, 2), { packets: 2, batches: 2, ports: [7000, 8000], busy: false, errors: [] });
    await it.end();
  });

  it("delivers every frame of a flood, drops none, and is immediate again afterwards", async () => {
    const it = await capture("eth0", doors([7000], [8000]));
    const templates = [knock(7000), knock(8000, { protocol: "udp" }), knock(7000, { to: server6 })];
    const { sent } = await wire.flood({ templates, count: 50_000, rate: 100_000, vary: "source" });
    assert.equal(sent, 50_000);
    const { packets, batches, busy } = await captures(it, 50_000);
    assert.deepEqual([packets, busy], [50_000, true]);
    assert.ok(batches < 10_000, `${batches} batches: no buffering at all`);
    assert.deepEqual(await it.call<Stats>("stats"), { received: 50_000, dropped: 0, read: 50_000 });
    await it.until<boolean>("busy", (busy) => !busy);
    assert.equal(await it.call("timers"), 0, "no timer runs while nothing comes");
    const reads = await it.call<number>("reads");
    await sleep(300);
    assert.equal(await it.call<number>("reads"), reads, "nothing comes, and nothing is looked for");
    await wire.send(at0(knock(7000)));
    await captures(it, 50_001);
    assert.equal(await it.call<number>("reads"), reads + 1);
    await it.end();
  });

  it("is read by a timer while many packets arrive, and not before and after, each time", async () => {
    const it = await capture("eth0", doors([7000]));
    for (let swarm = 1; swarm <= 3; swarm++) {
      assert.deepEqual([await it.call("busy"), await it.call("timers")], [false, 0], `before swarm ${swarm}`);
      const flooding = wire.flood({ templates: [knock(7000)], count: 3000, rate: 2000, vary: "source" });
      await it.until<boolean>("busy", (busy) => busy);
      assert.equal(await it.call("timers"), 1, `in swarm ${swarm}`);
      await flooding;
      await it.until<boolean>("busy", (busy) => !busy);
      assert.equal((await it.captured()).packets, 3000 * swarm);
      assert.deepEqual((await it.call<Stats>("stats")).dropped, 0);
    }
    await it.end();
  });

  it("is never woken by packets that no door can use: the kernel drops them", async () => {
    const it = await capture("eth0", doors([7000], [8000]));
    const before = await it.call<Stats>("stats");
    const irrelevant = [
      knock(7001), // another port
      knock(8000), // another protocol
      knock(7000, { protocol: "udp" }),
      knock(7000, { flags: ["ack"] }), // other flags
      knock(7000, { to: "10.77.0.9" }), // another address
      knock(7000, { to: "fd77::9" }),
      knock(7000, {}, { fragment: { offset: 1, more: false } }),
    ];
    // The kernel removes the outermost tag before it filters: of these five it sees four.
    const vlans = Array(5).fill({ tpid: 0x8100, tci: 5 });
    const others = [knock(7000, { protocol: 1 }), knock(7000, {}, { vlans })];
    await wire.flood({ templates: irrelevant, count: 20_000, rate: 0, vary: "none" });
    await wire.send(at0(...others));
    await wire.send(at0(knock(7000))); // packets that were sent before it have arrived before it
    await captures(it, 1);
    assert.deepEqual(await it.call<Stats>("stats"), {
      received: before.received + 1,
      dropped: 0,
      read: before.read + 1,
    });
    assert.equal(await it.call("reads"), 1);
    await it.end();
  });

  it("passes VLAN tags, options and extension headers through the kernel's filter", async () => {
    const it = await capture("eth0", doors([7000]));
    const tag = (tci: number, tpid = 0x8100) => ({ tpid, tci });
    const wraps: Wrap[] = [
      { vlans: [tag(0)] },
      { vlans: [tag(5)] },
      { vlans: [tag(100, 0x88a8), tag(5)] },
      { vlans: [tag(0), tag(100, 0x88a8), tag(5)] },
      { ipOptions: Buffer.alloc(40, 1) },
      { fragment: { offset: 0, more: true } },
    ];
    const body = Buffer.alloc(6);
    const wraps6: Wrap[] = [
      { extensions: [0, 60, 43, 60].map((type) => ({ type, body })), fragment: { offset: 0, more: true } },
      { extensions: [{ type: 51, body: Buffer.alloc(22) }], vlans: [tag(5)] },
    ];
    const frames = [
      ...wraps.map((wrap) => knock(7000, {}, wrap)),
      ...wraps6.map((wrap) => knock(7000, { to: server6 }, wrap)),
    ];
    await wire.send(frames.map((bytes, i) => ({ at: i * 0.01, frame: bytes })));
    await captures(it, frames.length);
    assert.equal((await it.captured()).packets, frames.length);
    await it.end();
  });

  it("still delivers every knock with the coarsest filter", async () => {
    const ports = Array.from({ length: 10_000 }, (_, i) => 1 + ((i * 40_503) % 65_521));
    const targets = Array.from({ length: 1000 }, (_, i) => `10.77.${i >> 8}.${i & 255}`);
    for (const [own, resolvedDoors, to] of [
      [[server], doors(ports, ports), server],
      [targets, doors([...ports.slice(0, 5)]), targets[999]!],
    ] as [string[], ResolvedDoor[], string][]) {
      const it = await capture("eth0", resolvedDoors, own);
      await wire.send(ports.slice(0, 5).map((port, i) => ({ at: i * 0.01, frame: knock(port, { to }) })));
      assert.deepEqual((await captures(it, 5)).ports, ports.slice(0, 5));
      await it.end();
    }
  });

  it("captures on any interface at once (cooked), with the kernel's filter", async () => {
    const it = await capture("any", doors([7000], [8000]));
    assert.equal(await it.call("linkType"), 113);
    const { received } = await it.call<Stats>("stats");
    await wire.flood({
      templates: [knock(7001), knock(7000, { to: "10.77.0.9" })],
      count: 1000,
      rate: 0,
      vary: "none",
    });
    await wire.send([
      { at: 0, frame: knock(7000) },
      { at: 0.05, frame: knock(8000, { to: server6, protocol: "udp" }) },
      { at: 0.1, frame: knock(7000, {}, { vlans: [{ tpid: 0x8100, tci: 0 }] }) },
    ]);
    assert.deepEqual((await captures(it, 3)).ports, [7000, 8000, 7000]);
    assert.equal((await it.call<Stats>("stats")).received, received + 3);
    await it.end();
  });

  it("captures on a tunnel (raw IP)", async () => {
    const tun = await Tun.open(wire, "tun0");
    const it = await capture("tun0", doors([7000]), ["10.77.9.1", "fd77:9::1"]);
    assert.equal(await it.call("linkType"), 12);
    const raw = (to: string, port: number) => knock(port, { to }, { link: "raw" });
    for (const bytes of [raw("10.77.9.1", 7001), raw("10.77.9.1", 7000), raw("fd77:9::1", 7000)]) tun.write(bytes);
    await captures(it, 2);
    assert.deepEqual(await it.call<Stats>("stats"), { received: 2, dropped: 0, read: 2 });
    await it.end();
    tun.close();
  });
});

describe("an interface that", { skip: needsRoot }, () => {
  let wire: Wire;
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());

  const ip = async (...args: string[]) => {
    const { status, stderr } = await wire.run("server", ["ip", ...args]);
    assert.equal(status, 0, stderr);
  };
  async function capture(device: string): Promise<CaptureClient> {
    const it = await CaptureClient.open(wire, device, "source");
    await it.setDoors([server], doors([7000]));
    await it.call("start");
    return it;
  }
  const gone = (it: CaptureClient) => it.until<Captured>("captured", ({ errors }) => errors.length > 0);
  const addVeth = async (name: string) => {
    await ip("link", "add", name, "type", "veth", "peer", "name", `${name}peer`);
    await ip("link", "set", `${name}peer`, "up");
    await ip("link", "set", name, "up");
  };

  it("goes down costs next to nothing, and is captured again when it comes up", async () => {
    const it = await capture("eth0");
    await ip("link", "set", "eth0", "down");
    const reads = await it.until<number>("reads", (count) => count > 0);
    await sleep(1500);
    assert.ok((await it.call<number>("reads")) - reads <= 3, "it is looked at about once a second");
    await ip("link", "set", "eth0", "up");
    for (let tries = 0; (await it.captured()).packets === 0 && tries < 20; tries++) {
      await wire.send([{ at: 0.05, frame: knock(7000) }]); // the link takes a moment
    }
    const { packets, errors } = await it.captured();
    assert.ok(packets > 0);
    assert.deepEqual(errors, []);
    await wire.send([{ at: 0, frame: knock(7000) }]);
    await it.until<Captured>("captured", (captured) => captured.packets > packets);
    assert.deepEqual(await it.end(), { status: 0, signal: null });
  });

  it("is removed is reported once, and then causes no work", async () => {
    await addVeth("veth1");
    const it = await capture("veth1");
    await ip("link", "delete", "veth1");
    assert.deepEqual((await gone(it)).errors, ["The interface disappeared"]);
    const reads = await it.call<number>("reads");
    await sleep(1500);
    assert.equal(await it.call("reads"), reads);
    assert.equal((await it.captured()).errors.length, 1);
    await assert.rejects(it.call("stats"), /capture is closed/);
    assert.deepEqual(await it.end(), { status: 0, signal: null });
  });

  it("goes down first and is removed later is also reported", async () => {
    await addVeth("veth2");
    const it = await capture("veth2");
    await ip("link", "set", "veth2", "down");
    await it.until<number>("reads", (count) => count > 0);
    await ip("link", "delete", "veth2");
    assert.deepEqual((await gone(it)).errors, ["The interface disappeared"]);
    assert.deepEqual(await it.end(), { status: 0, signal: null });
  });

  it("is removed in the middle of a flood is reported once", async () => {
    const it = await capture("eth0");
    const flooding = wire.flood({ templates: [knock(7000)], count: 1_000_000, rate: 20_000, vary: "source" });
    const failed = flooding.then(
      () => "sent",
      () => "no interface",
    );
    await it.until<Captured>("captured", ({ busy }) => busy);
    await ip("link", "delete", "eth0");
    assert.deepEqual((await gone(it)).errors, ["The interface disappeared"]);
    assert.equal(await failed, "no interface");
    assert.deepEqual(await it.end(), { status: 0, signal: null });
  });
});
