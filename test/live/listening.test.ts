// Listening at an interface as it is: its addresses, and the filter that they and the doors make.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Door } from "../../src/config/door.ts";
import type { ResolvedDoor } from "../../src/config/resolved-door.ts";
import { frame } from "../frame.ts";
import { Ear, type Heard } from "./ear.ts";
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
    // Interfaces whose names only begin alike.
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
    const ear = await Ear.open(wire, "eth0", "listening");
    assert.deepEqual(await ear.call("own"), [], "none before there are doors");
    assert.ok((await ear.call<number>("setDoors", [door(7000)])) > 10);
    const own = await ear.call<string[]>("own");
    const linkLocal = own.filter((address) => address.startsWith("fe80::"));
    assert.equal(linkLocal.length, 1, "a scope is no part of it");
    const others = own.filter((address) => !linkLocal.includes(address));
    assert.deepEqual(others.sort(), ["10.77.0.1", "10.77.1.1", "10.77.2.1", "fd77::1"]);
    for (const address of own) assert.equal(await ear.call("isOurs", address), true, address);
    for (const address of ["10.77.0.2", "127.0.0.1", "10.77.3.1", "::1", "fd77::2", "::ffff:10.77.0.9"]) {
      assert.equal(await ear.call("isOurs", address), false, address);
    }
    await ear.end();
  });

  it("captures at each of them, and with -4 only at IPv4 addresses", async () => {
    const frames = () => ["10.77.0.1", "fd77::1", "10.77.1.1", "10.77.2.1"].map((to, i) => knock(to, 7000 + i));
    const doors = [7000, 7001, 7002, 7003].map(door);
    for (const [only, ports] of [
      [[], [7000, 7001, 7002, 7003]],
      [["-4"], [7000, 7002, 7003]],
    ] as [[] | ["-4"], number[]][]) {
      const ear = await Ear.open(wire, "eth0", "listening", ...only);
      await ear.call("setDoors", doors);
      assert.equal(await ear.call("isOurs", "fd77::1"), only.length === 0);
      await ear.call("start");
      await send(...frames());
      await ear.until<Heard>("heard", ({ packets }) => packets >= ports.length);
      assert.deepEqual((await ear.heard()).ports, ports);
      await ear.end();
    }
  });

  it("follows the doors and addresses when the doors are set again", async () => {
    const ear = await Ear.open(wire, "eth0", "listening");
    await ear.call("setDoors", [door(7000)]);
    await ear.call("start");
    await send(knock("10.77.0.1", 7000), knock("10.77.0.1", 8000), knock("10.77.0.9", 8000));
    await ear.until<Heard>("heard", ({ packets }) => packets >= 1);
    const { status } = await wire.run("server", ["ip", "address", "add", "10.77.0.9/24", "dev", "eth0"]);
    assert.equal(status, 0);
    await ear.call("setDoors", [door(8000)]);
    await send(knock("10.77.0.1", 7000), knock("10.77.0.9", 8000), knock("10.77.0.1", 8000));
    await ear.until<Heard>("heard", ({ packets }) => packets >= 3);
    assert.deepEqual((await ear.heard()).ports, [7000, 8000, 8000]);
    await ear.call("close");
    await ear.call("close");
    await ear.end();
  });

  it("fails with 0.8's message if the interface does not exist", async () => {
    const words = "CaptureError: could not open nope: nope: No such device exists (No such device exists)";
    await assert.rejects(Ear.open(wire, "nope", "listening"), { message: words });
  });

  it("fails if the interface is down", async () => {
    await assert.rejects(Ear.open(wire, "eth01", "listening"), {
      message: /^CaptureError: could not open eth01: eth01: That device is not up/,
    });
  });

  it("fails if the interface has an unsupported link type", async () => {
    const wifi = 801; // ARPHRD_IEEE80211
    const tun = await Tun.open(wire, "wifi0", wifi);
    const ear = await Ear.open(wire, "wifi0", "listening");
    const message = "CaptureError: could not listen on wifi0: link type 105 is not supported";
    await assert.rejects(ear.call("setDoors", [door(7000)]), { message });
    await ear.end();
    tun.close();
  });
});
