import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatAddress, parseAddress } from "../src/net/address.ts";
import { formatNetwork, isWithin, masked, parseNetwork } from "../src/net/network.ts";

describe("a network", () => {
  const table: [text: string, formatted: string][] = [
    ["192.168.1.0/24", "192.168.1.0/24"],
    ["192.168.1.77/24", "192.168.1.0/24"], // the host's own bits do not count
    ["192.168.1.77", "192.168.1.77"],
    ["192.168.1.77/32", "192.168.1.77"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["10.200.3.4/9", "10.128.0.0/9"],
    ["fd00::1:2/64", "fd00::/64"],
    ["fd00::ffff/113", "fd00::8000/113"],
    ["2001:db8::1", "2001:db8::1"],
    ["::/0", "::/0"],
    ["::ffff:192.168.1.77", "192.168.1.77"],
    ["::ffff:192.168.1.77/120", "192.168.1.0/24"],
    ["::ffff:0:0/96", "0.0.0.0/0"],
    ["::ffff:0:0/95", "::fffe:0:0/95"],
  ];
  for (const [text, formatted] of table) {
    test(`${text} is ${formatted}`, () => assert.equal(formatNetwork(parseNetwork(text)!), formatted));
  }

  for (const text of [
    "",
    "lan",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/",
    "10.0.0/8",
    "10.0.0.0/8/8",
    "fe80::%eth0/64",
    "1.2.3.4/-1",
  ]) {
    test(`${JSON.stringify(text)} is not a network`, () => assert.equal(parseNetwork(text), undefined));
  }
});

test("an address is masked to the requested number of bits", () => {
  const all = parseAddress("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")!;
  for (const [bits, text] of [
    [0, "::"],
    [1, "8000::"],
    [32, "ffff:ffff::"],
    [64, "ffff:ffff:ffff:ffff::"],
    [127, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"],
    [128, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ] as const) {
    assert.equal(formatAddress(masked(all, bits)), text);
  }
});

describe("is within", () => {
  const within = (network: string, address: string) => isWithin(parseNetwork(network)!, parseAddress(address)!);

  test("an IPv4 network", () => {
    assert.ok(within("203.0.113.0/24", "203.0.113.255"));
    assert.ok(!within("203.0.113.0/24", "203.0.114.0"));
    assert.ok(within("203.0.113.7", "203.0.113.7"));
    assert.ok(!within("203.0.113.7", "203.0.113.8"));
    assert.ok(within("0.0.0.0/0", "255.255.255.255"));
    assert.ok(within("::ffff:203.0.113.0/120", "203.0.113.255"));
  });

  test("an IPv6 network", () => {
    assert.ok(within("2001:db8::/33", "2001:db8:7fff::1"));
    assert.ok(!within("2001:db8::/33", "2001:db8:8000::1"));
    assert.ok(within("2001:db8::1", "2001:db8::1"));
    assert.ok(within("::/0", "2001:db8::1"));
  });

  test("but not a network of the other family", () => {
    assert.ok(!within("0.0.0.0/0", "2001:db8::1"));
    assert.ok(!within("::/0", "192.0.2.1"));
  });
});
