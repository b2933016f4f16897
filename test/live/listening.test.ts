// Tests listening on a real interface: its addresses, and the filter that results from them and the doors.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Door } from "../../src/config/door.ts";
import type { ResolvedDoor } from "../../src/config/resolved-door.ts";
import { frame } from "../frame.ts";
import { CaptureClient, type Captured } from "./capture-client.ts";
import { Tun } from "./tun.ts";
import { needsRoot, Wire } from "./wire.ts";

const door = (port: number): ResolvedDoor => ({
  door: { sequence: [{ protocol: "tcp", port }], clients: [], tcpFlags: { set: 0, clear: 0 } } as unknown as Door,
  targets: undefined,
});

describe("listening", { skip: needsRoot }, () => {
  let wire: Wire;
  before(async () => {
    wire = await Wire.open();
    const ip = async (...args: string[]) => {
      const { status, stderr } = await wire.run("server", ["ip", ...args]);
      assert.equal(status, 0, stderr);
    };
    await ip("address", "add", "10.77.1.1/32", "dev", "eth0", "label", "eth0:1");
    await ip("address", "add", "10.77.2.1/32", "dev", "eth0");
    // Interfaces whose names only begin with the same letters.
    for (const [name, address] of [
      ["eth01", "10.77.3.1"],
      ["eth", "10.77.4.1"],
    ] as const) {
      await ip("link", "add", name, "type", "veth", "peer", "name", `${name}peer`);
      await ip("address", "add", `${address}/32`, "dev", name);
    }
  });
  after(() => wire?.close());

  const knock = (to: string, port: number) =>
    frame({ from: to.includes(":") ? "fd77::2" : "10.77.0.2", to, protocol: "tcp", port });
  const send = (...frames: Buffer[]) => wire.send(frames.map((bytes, i) => ({ at: i * 0.02, frame: bytes })));

  it("includes the interface's own addresses, with those of its aliases, and no others", async () => {
    const client = await CaptureClient.open(wire, "eth0", "listening");
    assert.deepEqual(await client.call("own"), [], "none before there are doors");
    assert.ok((await client.call<number>("setDoors", [door(7000)])) > 10);
    const own = await client.call<string[]>("own");
    const linkLocal = own.filter((address) => address.startsWith("fe80::"));
    assert.equal(linkLocal.length, 1, "a scope is no part of it");
    const others = own.filter((address) => !linkLocal.includes(address));
    assert.deepEqual(others.sort(), ["10.77.0.1", "10.77.1.1", "10.77.2.1", "fd77::1"]);
    for (const address of own) assert.equal(await client.call("isOurs", address), true, address);
    for (const address of ["10.77.0.2", "127.0.0.1", "10.77.3.1", "::1", "fd77::2", "::ffff:10.77.0.9"]) {
      assert.equal(await client.call("isOurs", address), false, address);
    }
    await client.end();
  });

  it("captures at each of them, and with -4 only at IPv4 addresses", async () => {
    const frames = () => ["10.77.0.1", "fd77::1", "10.77.1.1", "10.77.2.1"].map((to, i) => knock(to, 7000 + i));
    const doors = [7000, 7001, 7002, 7003].map(door);
    for (const [only, ports] of [
      [[], [7000, 7001, 7002, 7003]],
      [["-4"], [7000, 7002, 7003]],
    ] as [[] | ["-4"], number[]][]) {
      const client = await CaptureClient.open(wire, "eth0", "listening", ...only);
      await client.call("setDoors", doors);
      assert.equal(await client.call("isOurs", "fd77::1"), only.length === 0);
      await client.call("start");
      await send(...frames());
      await client.until<Captured>("captured", ({ packets }) => packets >= ports.length);
      assert.deepEqual((await client.captured()).ports, ports);
      await client.end();
    }
  });

  it("follows the doors and addresses when the doors are set again", async () => {
    const client = await CaptureClient.open(wire, "eth0", "listening");
    await client.call("setDoors", [door(7000)]);
    await client.call("start");
    await send(knock("10.77.0.1", 7000), knock("10.77.0.1", 8000), knock("10.77.0.9", 8000));
    await client.until<Captured>("captured", ({ packets }) => packets >= 1);
    const { status } = await wire.run("server", ["ip", "address", "add", "10.77.0.9/24", "dev", "eth0"]);
    assert.equal(status, 0);
    await client.call("setDoors", [door(8000)]);
    await send(knock("10.77.0.1", 7000), knock("10.77.0.9", 8000), knock("10.77.0.1", 8000));
    await client.until<Captured>("captured", ({ packets }) => packets >= 3);
    assert.deepEqual((await client.captured()).ports, [7000, 8000, 8000]);
    await client.call("close");
    await client.call("close");
    await client.end();
  });

  it("fails with 0.8's message if the interface does not exist", async () => {
    const words = "CaptureError: could not open nope: nope: No such device exists (No such device exists)";
    await assert.rejects(CaptureClient.open(wire, "nope", "listening"), { message: words });
  });

  it("fails if the interface is down", async () => {
    await assert.rejects(CaptureClient.open(wire, "eth01", "listening"), {
      message: /^CaptureError: could not open eth01: eth01: That device is not up/,
    });
  });

  it("fails if the interface has an unsupported link type", async () => {
    const wifi = 801; // ARPHRD_IEEE80211
    const tun = await Tun.open(wire, "wifi0", wifi);
    const client = await CaptureClient.open(wire, "wifi0", "listening");
    const message = "CaptureError: could not listen on wifi0: link type 105 is not supported";
    await assert.rejects(client.call("setDoors", [door(7000)]), { message });
    await client.end();
    tun.close();
  });
});
