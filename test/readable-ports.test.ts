// Tests what can still be read of the gate's ports in a refused config.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatPorts } from "../src/config/opening.ts";
import { readableGate } from "../src/config/readable-ports.ts";

const ports = (text: string) => readableGate(text).ports.map(formatPorts);

describe("a refused config", () => {
  it("still names the ports of every readable line", () => {
    assert.deepEqual(
      ports("junk\n[a]\nopen = tcp/22\n[b\n\tOPEN=udp/1-9,tcp/80\r\nopen_prefix_6 = 64\n#open = tcp/1\n"),
      [...["tcp/22", "udp/1-9", "tcp/80"]],
    );
  });

  it("still names the valid parts of a list with a mistake, and ports in the form of other tools", () => {
    assert.deepEqual(ports("open = tcp/22, tcp/8o, tcp/0\nopen udp/53\nopen = 443/tcp\nopen: 25\nopen =\n"), [
      ...["tcp/22", "udp/53", "tcp/443", "tcp/25"],
    ]);
  });

  it("does not name what stands in a comment", () => {
    assert.deepEqual(ports("open = tcp/22 # and not tcp/80\nopen = # tcp/25\n"), ["tcp/22"]);
    assert.equal(readableGate("Gate_Allow = 10.0.0.0/8 # LAN").allow.length, 1);
  });

  it("still says what closes the ports, and which networks need no knock", () => {
    const gate = readableGate("Firewall = mark 0x100000\nGate_Allow = 10.0.0.0/8\nFirewall = nonsense\n");
    assert.deepEqual([gate.mode, gate.allow.length], [{ kind: "mark", mark: 0x100000 }, 1]);
    assert.deepEqual(readableGate("Firewall = nonsense"), { ports: [], mode: { kind: "gate" }, allow: [] });
  });
});
