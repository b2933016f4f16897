// Tests the bytes of a set's element, with the door's name as a comment: what is read back is what was written.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  addressOf,
  commentIn,
  commentOf,
  keyOf,
  type OpenElement,
  portsOf,
  readElements,
  userdata,
  writeElements,
} from "../src/firewall/element.ts";
import { NetlinkWriter, readMessages } from "../src/firewall/netlink.ts";
import { ELEMENTS } from "../src/firewall/nftables.ts";
import { formatAddress, parseAddress } from "../src/net/address.ts";

describe("a comment", () => {
  it("is the door's name, cut to the kernel's limit at a whole character", () => {
    assert.equal(commentOf("openSSH"), "openSSH");
    assert.equal(commentOf("x".repeat(127)), "x".repeat(127));
    assert.equal(commentOf("x".repeat(200)), "x".repeat(127));
    assert.equal(commentOf(`${"x".repeat(126)}é`), "x".repeat(126));
  });

  it("is found among other user data", () => {
    assert.equal(commentIn(userdata("openSSH")), "openSSH");
    assert.equal(commentIn(Buffer.concat([Uint8Array.of(3, 2, 7, 7), userdata("é")])), "é");
    assert.equal(commentIn(Uint8Array.of(3, 9, 1)), undefined);
    assert.equal(commentIn(undefined), undefined);
  });
});

const set = (family: 4 | 6, isInterval = false) => ({
  tableFamily: 1,
  table: "knockd",
  set: "open",
  family,
  isInterval,
  prefix: 128,
});

it("an element is parsed back as it was written, for IPv4 and IPv6, with its counter", () => {
  for (const [client, family, isInterval] of [
    ["192.168.1.63", 4, false],
    ["2001:db8::63", 6, true],
  ] as const) {
    const address = parseAddress(client)!;
    const element: OpenElement = {
      set: set(family, isInterval),
      key: keyOf(family, address, "udp", 60_000),
      keyEnd: isInterval ? keyOf(family, address, "udp", 60_010) : undefined,
      comment: "mosh",
      left: 30_000,
      packets: 3,
      bytes: 180,
    };
    const w = new NetlinkWriter().beginBatch();
    writeElements(w, "add", [element]);
    const [read] = [...readElements(w.endBatch().bytes, element.set)];
    assert.equal(formatAddress(addressOf(read!)), client);
    assert.deepEqual(portsOf(read!), { protocol: "udp", low: 60_000, high: isInterval ? 60_010 : 60_000 });
    assert.deepEqual({ ...read!, key: 0, keyEnd: 0 }, { ...element, key: 0, keyEnd: 0 });
  }
});

it("a garbled element is parsed as far as possible", () => {
  const w = new NetlinkWriter().beginBatch();
  const one = { set: set(4), keyEnd: undefined, comment: "mosh", left: 30_000, packets: 3, bytes: 180 };
  const key = keyOf(4, parseAddress("192.168.1.63")!, "udp", 60_000);
  writeElements(w, "add", [
    { ...one, key },
    { ...one, key: key.map((byte, i) => (i === 3 ? 64 : byte)) },
  ]);
  const bytes = Buffer.from(w.endBatch().bytes);
  const anywhere = fc.nat(bytes.length - 1);
  fc.assert(
    fc.property(fc.array(fc.tuple(anywhere, fc.nat(255)), { maxLength: 8 }), anywhere, (changes, end) => {
      const mangled = Buffer.from(bytes);
      for (const [at, byte] of changes) mangled[at] = byte;
      for (const all of [mangled, mangled.subarray(0, end)])
        for (const element of readElements(all, set(4))) {
          assert.match(formatAddress(addressOf(element)), /^[\d.]+$/);
          assert.ok(portsOf(element).high <= 65_535);
        }
    }),
    { numRuns: 3000 },
  );
});

it("many elements are split into messages whose length fits into 16 bits", () => {
  const elements = Array.from({ length: 3000 }, (_, i): OpenElement => {
    const address = { w0: 0, w1: 0, w2: 0xffff, w3: i };
    return {
      set: set(4),
      key: keyOf(4, address, "tcp", 22),
      keyEnd: undefined,
      comment: "x".repeat(127),
      left: undefined,
      packets: 0,
      bytes: 0,
    };
  });
  const w = new NetlinkWriter().beginBatch();
  writeElements(w, "add", elements);
  const { bytes } = w.endBatch();
  for (const { attributes } of readMessages(bytes))
    assert.ok((attributes.get(ELEMENTS.elements)?.length ?? 0) < 65_536);
  assert.equal([...readElements(bytes, set(4))].length, 3000);
});
