// Tests networks as intervals: merged where they overlap or touch, and without an end where they reach the last
// address.
import assert from "node:assert/strict";
import { it } from "node:test";
import { intervals } from "../src/firewall/intervals.ts";
import { parseNetwork } from "../src/net/network.ts";

const hex = (family: 4 | 6, ...networks: string[]): string[] =>
  intervals(
    networks.map((text) => parseNetwork(text)!),
    family,
  ).map((pair) => pair.map((key) => (key === undefined ? "end" : Buffer.from(key).toString("hex"))).join("-"));

it("begin at each network, and end after its last address", () => {
  assert.deepEqual(hex(4, "192.168.0.0/16", "10.0.0.0/8"), ["0a000000-0b000000", "c0a80000-c0a90000"]);
  assert.deepEqual(hex(6, "fd00::/8"), [`fd${"0".repeat(30)}-fe${"0".repeat(30)}`]);
});

it("merge networks that overlap or touch", () => {
  assert.deepEqual(hex(4, "10.0.1.0/24", "10.0.0.0/24", "10.0.0.5"), ["0a000000-0a000200"]);
});

it("have no end if a network includes the last address", () => {
  assert.deepEqual(hex(4, "0.0.0.0/0"), ["00000000-end"]);
  assert.deepEqual(hex(4, "240.0.0.0/4"), ["f0000000-end"]);
});
