// Tests which of this host's addresses no door covers.
import assert from "node:assert/strict";
import { it } from "node:test";
import { uncoveredAddresses } from "../src/capture/uncovered-addresses.ts";
import type { ResolvedDoor } from "../src/config/resolved-door.ts";
import { parseAddress } from "../src/net/address.ts";
import type { Snapshot } from "../src/platform/native.ts";

const machine: Snapshot = {
  links: [
    { index: 1, name: "lo", up: true },
    { index: 2, name: "eth0", up: true, altnames: ["enp3s0"] },
    { index: 3, name: "eth1", up: false },
    { index: 4, name: "docker0", up: true },
  ],
  addresses: [
    { index: 1, address: "127.0.0.1", label: "lo" },
    { index: 1, address: "::1" },
    { index: 1, address: "203.0.113.5", label: "lo" },
    { index: 2, address: "10.77.0.1", label: "eth0" },
    { index: 2, address: "10.77.0.5", label: "eth0:0" },
    { index: 2, address: "fd77::1" },
    { index: 3, address: "10.77.1.1", label: "eth1" },
    { index: 4, address: "172.17.0.1", label: "docker0" },
    { index: 4, address: "fd88::1" },
    { index: 4, address: "fe80::1" },
    { index: 4, address: "10.77.0.1", label: "docker0" },
  ],
  defaults: [2],
};
const own = { targets: undefined } as ResolvedDoor;
const at = (text: string) => ({ targets: [parseAddress(text)!] }) as unknown as ResolvedDoor;

for (const [patterns, onlyIpv4, doors, expected] of [
  [["eth0"], false, [own], ["lo 203.0.113.5", "docker0 172.17.0.1 fd88::1"]],
  [["auto"], false, [own], ["lo 203.0.113.5", "docker0 172.17.0.1 fd88::1"]],
  [["enp3s0"], true, [own], ["lo 203.0.113.5", "docker0 172.17.0.1"]],
  [["eth0:0"], true, [own], ["lo 203.0.113.5", "eth0 10.77.0.1", "docker0 172.17.0.1 10.77.0.1"]],
  [["e*", "docker0"], false, [own], ["lo 203.0.113.5"]],
  [["eth1"], true, [own], ["lo 203.0.113.5", "eth0 10.77.0.1 10.77.0.5", "docker0 172.17.0.1 10.77.0.1"]],
  [["eth0", "any"], false, [own], []],
  [["eth0"], true, [own, at("203.0.113.5")], ["docker0 172.17.0.1"]],
  [["eth0"], true, [at("10.77.0.1")], []],
  [["eth0"], true, [], []],
] as const) {
  const which = doors.map(({ targets }) => (targets === undefined ? "own" : "Target")).join(" and ") || "none";
  it(`${patterns}${onlyIpv4 ? ", only IPv4" : ""}, doors: ${which}`, () => {
    const uncovered = uncoveredAddresses({ patterns, onlyIpv4 }, machine, doors);
    assert.deepEqual(
      uncovered.map(({ interface: name, addresses }) => [name, ...addresses].join(" ")),
      expected,
    );
  });
}
