// Tests at which ports of a recording a server answers.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OpenPorts } from "../src/replay/open-ports.ts";
import type { TcpFlag } from "./frame.ts";
import { toPacket } from "./story.ts";

const [HOST, OTHER] = ["10.77.0.1", "10.77.0.2"];
const packet = (
  from: string,
  sourcePort: number,
  to: string,
  port: number,
  protocol: "tcp" | "udp",
  flags: TcpFlag[],
) => toPacket({ from, sourcePort, to, port, protocol, flags, seq: 1 });

describe("an open port is one", () => {
  const table: [title: string, protocol: "tcp" | "udp", flags: TcpFlag[], answers: boolean][] = [
    ["that sends a SYN+ACK", "tcp", ["syn", "ack"], true],
    ["that sends data", "tcp", ["psh", "ack"], true],
    ["that sends a datagram", "udp", [], true],
    ["but not one that sends a reset", "tcp", ["rst", "ack"], false],
    ["but not one that sends a SYN", "tcp", ["syn"], false],
  ];
  for (const [title, protocol, flags, answers] of table) {
    it(title, () => {
      const openPorts = new OpenPorts();
      const touch = packet(OTHER, 40_000, HOST, 22, protocol, ["syn"]);
      assert.equal(openPorts.isOpen(touch), false);
      openPorts.observe(packet(HOST, 22, OTHER, 40_000, protocol, flags));
      assert.equal(openPorts.isOpen(touch), answers);
      const [elsewhere, otherPort] = [
        packet(OTHER, 1, "10.77.0.3", 22, protocol, []),
        packet(OTHER, 1, HOST, 23, protocol, []),
      ];
      assert.deepEqual([openPorts.isOpen(elsewhere), openPorts.isOpen(otherPort)], [false, false]);
      const other = protocol === "tcp" ? "udp" : "tcp";
      assert.equal(openPorts.isOpen(packet(OTHER, 1, HOST, 22, other, [])), false, other);
    });
  }

  it("and there is a limit in a flood of forged ones", () => {
    const openPorts = new OpenPorts();
    openPorts.observe(packet(HOST, 53, OTHER, 1, "udp", []));
    for (let i = 0; i < 1000; i++) openPorts.observe(packet(`10.78.${i >> 8}.${i & 255}`, 53, HOST, 1, "udp", []));
    assert.equal(openPorts.isOpen(packet(OTHER, 1, HOST, 53, "udp", [])), true);
    assert.equal(openPorts.isOpen(packet(OTHER, 1, "10.78.3.231", 53, "udp", [])), false);
  });
});
