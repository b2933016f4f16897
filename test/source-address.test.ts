import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import { familyOfSource, sourceAddress } from "../src/knock/source-address.ts";

const own = (address: string, family: "IPv4" | "IPv6") => ({ address, family }) as NetworkInterfaceInfo;
const INTERFACES = {
  eth0: [own("192.168.1.5", "IPv4"), own("fe80::5", "IPv6"), own("fd77::5", "IPv6")],
  tun0: [own("10.8.0.2", "IPv4")],
};

test("--source is used as given, and decides the IP version", () => {
  assert.equal(sourceAddress({ source: "192.168.1.5" }, "10.0.0.1", INTERFACES), "192.168.1.5");
  assert.equal(familyOfSource({ source: "fd77::5" }), 6);
  assert.equal(familyOfSource({}), 0);
  assert.throws(() => familyOfSource({ source: "eth0" }), /bad --source 'eth0'/);
});

test("--interface chooses an address of the interface with the host's IP version and scope", () => {
  assert.equal(sourceAddress({ interface: "eth0" }, "10.0.0.1", INTERFACES), "192.168.1.5");
  assert.equal(sourceAddress({ interface: "eth0" }, "fd99::1", INTERFACES), "fd77::5");
  assert.equal(sourceAddress({ interface: "eth0" }, "fe80::1%eth0", INTERFACES), "fe80::5%eth0");
  assert.equal(sourceAddress({}, "10.0.0.1", INTERFACES), undefined);
});

test("an interface that is missing or has no such address is named", () => {
  assert.throws(() => sourceAddress({ interface: "eth7" }, "10.0.0.1", INTERFACES), /'eth7'.*eth0, tun0/);
  assert.throws(() => sourceAddress({ interface: "tun0" }, "fd99::1", INTERFACES), /'tun0' has no IPv6 address/);
});
