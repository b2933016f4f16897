// Tests sets that take more than one message: a message of netlink has 16 bits for the length of a list.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConfig } from "../src/config/parse.ts";
import { Firewall } from "../src/firewall/firewall.ts";
import { FakeNftables } from "./fake-nftables.ts";

function kernelOf(...configs: string[]) {
  const kernel = new FakeNftables();
  const firewall = new Firewall({
    openSocket: kernel.openSocket,
    watch: () => ({ close() {} }),
    now: () => 0,
    config: "/etc/knockd.conf",
    record: { isThere: false, save() {}, clear() {} },
    onRestored() {},
    onTrouble() {},
  });
  for (const text of configs) {
    const { doors, options } = parseConfig(text, "test", () => undefined);
    firewall.apply(doors, options.firewall);
  }
  return kernel;
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("a set of thousands of elements", () => {
  const door = (i: number) =>
    `[door ${i}]\nsequence = 1,2,${i + 3}\nopen = ${numbers(32).map((j) => `tcp/${1000 + 2 * (32 * i + j)}`)}\n`;
  const doors = numbers(70).map(door).join("");

  it("has all ports of the doors, and after a reload without them none", () => {
    assert.equal(kernelOf(doors).elements("knockd", "guarded").length, 2240);
    assert.deepEqual(kernelOf(doors, "[ssh]\nsequence = 1,2,3\nopen = tcp/22\n").elements("knockd", "guarded"), [
      "tcp 22 stays",
    ]);
  });

  it("has all networks that need no knock", () => {
    const networks = numbers(3000).flatMap((i) => [
      `10.${i >> 7}.${2 * (i & 127)}.0/24`,
      `fd00:${i.toString(16)}::/48`,
    ]);
    const text = `[options]\nGate_Allow = ${networks}\n[ssh]\nsequence = 1,2,3\nopen = tcp/22\n`;
    const kernel = kernelOf(text);
    assert.deepEqual(
      ["allow4", "allow6"].map((set) => kernel.elements("knockd", set).length),
      [6000, 6000], // each network has a beginning and an end
    );
  });
});
