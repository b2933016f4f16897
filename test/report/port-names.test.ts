import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { protocolName, Services } from "../../src/report/count/port-names.ts";

describe("services", () => {
  const services = new Services();

  it("have IANA's names", () => {
    const names = [
      ["tcp", 22],
      ["tcp", 23],
      ["tcp", 80],
      ["tcp", 443],
      ["tcp", 445],
      ["tcp", 3389],
      ["udp", 5060],
    ] as const;
    assert.deepEqual(
      names.map(([protocol, port]) => services.name(protocol, port)),
      ["ssh", "telnet", "http", "https", "microsoft-ds", "ms-wbt-server", "sip"],
    );
  });

  it("have none where IANA has none", () => {
    assert.equal(services.name("tcp", 37215), "");
    assert.equal(services.name("icmp", 0), "");
    assert.equal(services.name("constructor", 0), "");
  });

  it("name protocols", () => {
    assert.deepEqual([6, 17, 1, 58, 47, 253].map(protocolName), [
      "tcp",
      "udp",
      "icmp",
      "ipv6-icmp",
      "gre",
      "protocol-253",
    ]);
  });
});
