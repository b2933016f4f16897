// Tests the parsing and formatting of addresses, compared with Node's own (uv_inet_pton and uv_inet_ntop).
import assert from "node:assert/strict";
import { isIP, SocketAddress } from "node:net";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Address, formatAddress, isHostAddress, isIpv4, parseAddress, sameAddress } from "../src/net/address.ts";

/** The text as Node writes it. For a mapped address, the address that is mapped, as in our log lines. */
function nodes(text: string): string {
  const { address } = new SocketAddress({ address: text, family: isIP(text) === 4 ? "ipv4" : "ipv6" });
  return address.replace(/^::ffff:(?=\d+\.)/, "");
}

const word = fc.oneof(
  fc.constantFrom(0, 0xffff, 1, 0x10000, -0x10000, 0x7fffffff, -0x80000000, -1),
  fc.integer({ min: -0x80000000, max: 0x7fffffff }),
);
const anyIpv6 = fc.record({ w0: word, w1: word, w2: word, w3: word }, { noNullPrototype: true });
const anyIpv4 = word.map((w3): Address => ({ w0: 0, w1: 0, w2: 0xffff, w3 }));
const anyAddress = fc.oneof(anyIpv6, anyIpv4);

/** All eight groups, none abbreviated. */
const longhand = ({ w0, w1, w2, w3 }: Address): string =>
  [w0, w1, w2, w3].map((w) => `${(w >>> 16).toString(16)}:${(w & 0xffff).toString(16)}`).join(":");

describe("an address", () => {
  test("is parsed in every notation: full groups, leading zeros, capital letters, a dotted tail, a scope", () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        const text = longhand(address);
        const padded = text.split(":").map((group) => group.padStart(4, "0"));
        const bytes = [24, 16, 8, 0].map((shift) => (address.w3 >>> shift) & 255).join(".");
        const dotted = `${text.split(":").slice(0, 6).join(":")}:${bytes}`;
        for (const written of [text, text.toUpperCase(), padded.join(":"), dotted, `${text}%eth0`]) {
          assert.deepEqual(parseAddress(written), address, written);
        }
        if (isIpv4(address)) assert.deepEqual(parseAddress(bytes), address);
      }),
    );
  });

  test("is parsed wherever zeros are left out", () => {
    fc.assert(
      fc.property(anyIpv6, fc.nat(7), fc.integer({ min: 1, max: 8 }), (address, at, length) => {
        const groups = longhand(address).split(":");
        const [head, tail] = [groups.slice(0, at), groups.slice(at + length)];
        const zeros = Array(8 - head.length - tail.length).fill("0");
        const meant = parseAddress([...head, ...zeros, ...tail].join(":"));
        assert.notEqual(meant, undefined);
        assert.deepEqual(parseAddress(`${head.join(":")}::${tail.join(":")}`), meant);
      }),
    );
  });

  test("is formatted as Node does it, and parsed back", () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        const text = formatAddress(address);
        assert.equal(text, nodes(longhand(address)));
        assert.deepEqual(parseAddress(text), address);
      }),
      { numRuns: 1000 },
    );
  });

  test("equals another one exactly if all its words are equal", () => {
    fc.assert(
      fc.property(anyAddress, anyAddress, fc.constantFrom("w0", "w1", "w2", "w3"), (a, b, changed) => {
        assert.ok(sameAddress(a, { ...a }));
        assert.ok(!sameAddress(a, { ...a, [changed]: a[changed] ^ 1 }));
        assert.equal(sameAddress(a, b), formatAddress(a) === formatAddress(b));
      }),
    );
  });

  const table: [text: string, ipv4: boolean, written: string][] = [
    ["192.168.1.63", true, "192.168.1.63"],
    ["0.0.0.0", true, "0.0.0.0"],
    ["255.255.255.255", true, "255.255.255.255"],
    ["::ffff:192.168.1.63", true, "192.168.1.63"],
    ["::ffff:c0a8:13f", true, "192.168.1.63"],
    ["fd77:0:0:0:0:0:0:1", false, "fd77::1"],
    ["FE80::AFF:FE4D:1%eth0", false, "fe80::aff:fe4d:1"],
    ["2001:db8:0:0:1:0:0:1", false, "2001:db8::1:0:0:1"], // the first of two equally long runs
    ["2001:0:0:1:0:0:0:1", false, "2001:0:0:1::1"], // the longest run
    ["2001:db8:0:1:1:1:1:1", false, "2001:db8:0:1:1:1:1:1"], // a single group is not abbreviated
    ["::", false, "::"],
    ["::1", false, "::1"],
    ["1::", false, "1::"],
    ["::1.2.3.4", false, "::1.2.3.4"],
    ["64:ff9b::1.2.3.4", false, "64:ff9b::102:304"],
  ];
  for (const [text, ipv4, written] of table) {
    test(`${text} is IPv${ipv4 ? 4 : 6}, formatted as ${written}`, () => {
      const address = parseAddress(text)!;
      assert.deepEqual([isIpv4(address), formatAddress(address)], [ipv4, written]);
    });
  }
});

describe("a host's address", () => {
  const none = ["0.0.0.0", "0.255.1.1", "127.0.0.1", "127.255.255.255", "224.0.0.1", "239.255.255.255"];
  none.push("255.255.255.255", "::", "::1", "::10.0.0.1", "::ffff:0:10.0.0.1", "ff02::1", "ffff::1");
  for (const text of none) {
    test(`is never ${text}`, () => assert.equal(isHostAddress(parseAddress(text)!), false));
  }
  const some = ["1.0.0.0", "126.255.255.255", "128.0.0.1", "223.255.255.255", "240.0.0.1", "255.255.255.254"];
  some.push("10.0.0.255", "169.254.1.1", "fe80::1", "fd77::1", "2000::", "64:ff9b::10.0.0.1", "feff::1");
  for (const text of some) test(`may be ${text}`, () => assert.equal(isHostAddress(parseAddress(text)!), true));
});

describe("these are not addresses:", () => {
  const texts = [
    "",
    "x",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4/24",
    " 1.2.3.4",
    "1.2.3.4\n",
    "0x7f.1",
  ];
  for (const text of [
    ...texts,
    "::1::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    ":::",
    "12345::",
    "::g",
    "[::1]",
    "%eth0",
  ]) {
    test(JSON.stringify(text), () => assert.equal(parseAddress(text), undefined));
  }

  test("whatever Node rejects", () => {
    const token = fc.constantFrom(..."0 1 12 255 256 abcd fffff : :: . % x".split(" "));
    const text = fc.oneof(
      fc.string(),
      fc.ipV4(),
      fc.ipV6(),
      fc.array(token).map((parts) => parts.join("")),
    );
    const check = (text: string) =>
      assert.equal(parseAddress(text) !== undefined, isIP(text.split("%")[0]!) !== 0, text);
    fc.assert(fc.property(text, check), { numRuns: 1000 });
  });
});
