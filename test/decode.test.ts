// Tests the decoding of frames. Most come from frame.ts; a few are hex dumps, so that frame.ts is not tested against
// itself.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Records } from "../src/capture/records.ts";
import { formatAddress } from "../src/net/address.ts";
import { native } from "../src/platform/native.ts";
import { corpus, extension } from "./decode-corpus.ts";
import { frame, parseAddress, type Segment, type TcpFlag, type Wrap } from "./frame.ts";

const ETHERNET = 1;
const records = new Records(1);

/** All fields except those that decode's caller sets. Undefined: not a knock. */
function decode(bytes: Uint8Array, linkType = ETHERNET) {
  if (!native.decode(bytes, linkType, records.buffer)) return undefined;
  const { source, destination, sourcePort, port, protocol, flags, ttl, sequence } = records.at(0);
  return { source: { ...source }, destination: { ...destination }, sourcePort, port, protocol, flags, ttl, sequence };
}

const hex = (...lines: string[]) => Buffer.from(lines.join("").replaceAll(" ", ""), "hex");

const words = (ip: string) => {
  const bytes = parseAddress(ip);
  if (bytes.length === 4) return { w0: 0, w1: 0, w2: 0xffff, w3: bytes.readInt32BE() };
  const [w0, w1, w2, w3] = [0, 4, 8, 12].map((at) => bytes.readInt32BE(at)) as [number, number, number, number];
  return { w0, w1, w2, w3 };
};

describe("decode reads every kind of frame", () => {
  it("Ethernet, IPv4, TCP from a hex dump", () => {
    const syn = hex(
      "02000a4d0001 02000a4d0002 0800", // to, from, IPv4
      "45 00 0028 0001 4000 40 06 2637", // version and 5 words, TOS, 40 bytes, id, don't fragment, TTL, TCP, checksum
      "0a4d0002 c6336401", // 10.77.0.2 to 198.51.100.1
      "9c40 1b58 deadbeef 00000000", // 40000 to 7000, sequence and acknowledgment number
      "50 c2 faf0 1234 0000", // 5 words, CWR ECE SYN, window, checksum, urgent pointer
    );
    assert.deepEqual(decode(syn), {
      source: { w0: 0, w1: 0, w2: 0xffff, w3: 0x0a4d0002 },
      destination: { w0: 0, w1: 0, w2: 0xffff, w3: 0xc6336401 | 0 },
      sourcePort: 40000,
      port: 7000,
      protocol: 6,
      flags: 2,
      ttl: 64,
      sequence: 0xdeadbeef | 0,
    });
    assert.equal(decode(syn.subarray(0, -1)), undefined, "one byte short of enough");
  });

  it("Ethernet, two VLAN tags, IPv6 with a hop-by-hop header, UDP from a hex dump", () => {
    const knock = hex(
      "02000a4d0001 02000a4d0002", // to, from
      "88a8 0064 8100 0005 86dd", // service VLAN 100, VLAN 5, IPv6
      "60000000 0012 00 2d", // version, 18 bytes follow, the first of them hop-by-hop, hop limit 45
      "fd770000000000000000000000000002", // from
      "20010db8000000000000000080000001", // to
      "11 00 0104 00000000", // next is UDP, 8 bytes, padding of 4
      "0035 1f40 000a 0000 4142", // 53 to 8000, 10 bytes, no checksum, "AB"
    );
    const packet = decode(knock)!;
    assert.deepEqual(packet.source, { w0: 0xfd770000 | 0, w1: 0, w2: 0, w3: 2 });
    assert.deepEqual(packet.destination, { w0: 0x20010db8, w1: 0, w2: 0, w3: 0x80000001 | 0 });
    assert.deepEqual([packet.sourcePort, packet.port, packet.protocol], [53, 8000, 17]);
    assert.deepEqual([packet.flags, packet.ttl, packet.sequence], [0, 45, 0]);
    assert.ok(decode(knock.subarray(0, -2)), "the payload is not needed");
    assert.equal(decode(knock.subarray(0, -3)), undefined, "one byte short of enough");
  });

  const udp = hex(
    "45 00 001c 0000 0000 40 11 0000 7f000001 7f000001", // IPv4, 28 bytes, UDP, 127.0.0.1 to itself
    "0001 0002 0008 0000", // 1 to 2, 8 bytes
  );
  const udp6 = hex(
    "60000000 0008 11 40", // IPv6, 8 bytes of UDP
    "00000000000000000000000000000001 00000000000000000000000000000001", // ::1 to itself
    "0001 0002 0008 0000",
  );
  for (const [title, linkType, header, packet] of [
    ["cooked v1", 113, "0000 0304 0006 000000000000 0000 0800", udp], // to us, loopback, 6 bytes of address, IPv4
    ["cooked v1, VLAN 5", 113, "0000 0001 0006 02000a4d0002 0000 8100 0005 86dd", udp6],
    ["cooked v2", 276, "86dd 0000 00000001 0304 00 06 000000000000 0000", udp6], // IPv6, interface 1, the same as v1
    ["raw", 12, "", udp],
    ["raw, IPv6, in a savefile", 101, "", udp6],
    ["null of Linux, little-endian", 0, "0a000000", udp6],
    ["null of NetBSD, little-endian", 0, "18000000", udp6],
    ["null of FreeBSD, big-endian", 0, "0000001c", udp6],
    ["null of macOS, little-endian", 0, "1e000000", udp6],
    ["null, IPv4, big-endian", 0, "00000002", udp],
    ["loop of OpenBSD", 108, "00000018", udp6],
    ["loop, IPv4", 108, "00000002", udp],
  ] as const) {
    it(`${title} from a hex dump`, () => {
      const bytes = Buffer.concat([hex(header), packet]);
      const { source, destination, sourcePort, port, protocol } = decode(bytes, linkType)!;
      const ip = packet === udp ? "127.0.0.1" : "::1";
      assert.deepEqual([formatAddress(source), formatAddress(destination)], [ip, ip]);
      assert.deepEqual([sourcePort, port, protocol], [1, 2, 17]);
      for (let n = 0; n < bytes.length; n++) assert.equal(decode(bytes.subarray(0, n), linkType), undefined, `${n}`);
    });
  }

  const frames = corpus();
  it(`each of ${frames.length} encapsulations has the same fields, and needs every byte of its headers`, () => {
    for (const { title, linkType, segment, bytes } of frames) {
      const tcp = segment.protocol === "tcp";
      const expected = {
        source: words(segment.from),
        destination: words(segment.to),
        sourcePort: segment.sourcePort,
        port: segment.port,
        protocol: tcp ? 6 : 17,
        flags: tcp ? 2 : 0,
        ttl: segment.ttl,
        sequence: tcp ? (segment.seq ?? 0) | 0 : 0,
      };
      assert.deepEqual(decode(bytes, linkType), expected, title);
      for (let n = 0; n < bytes.length; n++) {
        if (decode(bytes.subarray(0, n), linkType)) assert.fail(`${title}: a knock with ${n} of ${bytes.length} bytes`);
      }
    }
  });

  it("payload and padding may be present or cut off", () => {
    for (const [from, to] of [
      ["10.77.0.2", "10.77.0.1"],
      ["fd77::2", "fd77::1"],
    ] as const) {
      const bytes = frame({ from, to, protocol: "tcp", port: 7, payload: Buffer.alloc(1400, 255) });
      for (let n = bytes.length - 1400; n <= bytes.length; n++) assert.ok(decode(bytes.subarray(0, n)), `${n}`);
      assert.ok(decode(Buffer.concat([bytes, Buffer.alloc(9)])));
    }
  });

  it("each TCP flag is its bit; ECE and CWR are ignored", () => {
    const flags = (...names: TcpFlag[]) => decode(knock({ flags: names }))!.flags;
    const bits = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 0, cwr: 0 };
    for (const [name, bit] of Object.entries(bits) as [TcpFlag, number][]) assert.equal(flags(name), bit, name);
    assert.equal(flags(...(Object.keys(bits) as TcpFlag[])), 63);
    assert.equal(flags(), 0);
  });

  it("an IPv6 jumbogram (length 0) is read to the end", () => {
    assert.ok(decode(changed(knock6(), 18, 0x00, 0x00)));
  });
});

function knock(more: Partial<Segment> = {}, wrap: Wrap = {}): Buffer {
  return frame({ from: "10.77.0.2", to: "10.77.0.1", protocol: "tcp", port: 7000, ...more }, wrap);
}

function knock6(wrap: Wrap = {}, protocol: Segment["protocol"] = "tcp"): Buffer {
  return frame({ from: "fd77::2", to: "fd77::1", protocol, port: 7000 }, wrap);
}

function changed(bytes: Buffer, at: number, ...values: number[]): Buffer {
  const copy = Buffer.from(bytes);
  copy.set(values, at);
  return copy;
}

describe("decode rejects", () => {
  const tag = { tpid: 0x8100, tci: 5 };
  const arp = hex(
    "ffffffffffff 02000a4d0002 0806", // to all, from, ARP
    "0001 0800 06 04 0001", // Ethernet, IPv4, their address lengths, request
    "02000a4d0002 0a4d0002 000000000000 0a4d0001 0000000000000000",
  );
  const seven = [0, 60, 43, 60, 60, 60, 60].map((type) => extension(type));
  const mapped = (from: string, to: string) => frame({ from, to, protocol: "tcp", port: 7000 });
  for (const [title, bytes, linkType] of [
    ["nothing at all", Buffer.alloc(0)],
    ["ARP", arp],
    ["an 802.3 length in place of the ethertype", changed(knock(), 12, 0x00, 0x28)],
    ["IPv6 that says IPv4 in its ethertype", changed(knock6(), 12, 0x08, 0x00)],
    ["IP version 5 that says IPv6 in its ethertype", changed(knock6(), 14, 0x50)],
    ["IPv4 that says IPv6 in its ethertype", changed(knock(), 12, 0x86, 0xdd)],
    ["four VLAN tags", knock({}, { vlans: [tag, tag, tag, tag] })],
    ["a VLAN tag around ARP", Buffer.concat([arp.subarray(0, 12), hex("8100 0005"), arp.subarray(12)])],
    ["ICMP", knock({ protocol: 1 })],
    ["GRE", knock({ protocol: 47 })],
    ["SCTP", knock({ protocol: 132 })],
    ["ICMPv6", knock6({}, 58)],
    ["ESP behind IPv6", knock6({}, 50)],
    ["no next header behind IPv6", knock6({}, 59)],
    ["a later fragment of IPv4", knock({}, { fragment: { offset: 1, more: false } })],
    ["a middle fragment of IPv4", knock({}, { fragment: { offset: 8191, more: true } })],
    ["a fragment of IPv4 with the highest bit of the offset", knock({}, { fragment: { offset: 4096, more: false } })],
    ["a later fragment of IPv6", knock6({ fragment: { offset: 1, more: false } })],
    ["an IPv4 header of 4 words", changed(knock({ protocol: "udp" }), 14, 0x44)],
    ["an IPv4 header longer than the frame", changed(knock(), 14, 0x4f)],
    ["an IPv4 total length below its header", changed(knock(), 16, 0, 19)],
    ["an IPv4 total length of 0", changed(knock(), 16, 0, 0)],
    ["an IPv4 total length one below TCP's header", changed(knock(), 16, 0, 39)],
    ["an IPv4 total length one below UDP's header", changed(knock({ protocol: "udp" }), 16, 0, 27)],
    ["an IPv6 payload one below TCP's header", changed(knock6(), 18, 0, 19)],
    ["an IPv6 payload that ends in an extension", changed(knock6({ extensions: [extension(60)] }), 18, 0, 7)],
    ["a TCP header of 4 words", changed(knock(), 46, 0x4f)],
    ["seven IPv6 extensions", knock6({ extensions: seven })],
    ["an IPv6 extension longer than the packet", changed(knock6({ extensions: [extension(60)] }), 55, 255)],
    ["an authentication header longer than the packet", changed(knock6({ extensions: [extension(51, 14)] }), 55, 255)],
    ["IPv6 from a mapped IPv4 address", mapped("::ffff:10.77.0.2", "fd77::1")],
    ["IPv6 to a mapped IPv4 address", mapped("fd77::2", "::ffff:10.77.0.1")],
    ["IP version 5", changed(knock({}, { link: "raw" }), 0, 0x55), 12],
    ["a Wi-Fi frame (DLT_IEEE802_11)", knock(), 105],
    ["a link type that nobody has", knock(), -1],
  ] as [string, Buffer, number?][]) {
    it(title, () => assert.equal(decode(bytes, linkType), undefined));
  }

  it("… but accepts a longer TCP header, six extensions and three tags", () => {
    assert.ok(decode(changed(knock(), 46, 0xf0)));
    assert.ok(decode(knock6({ extensions: seven.slice(1) })));
    assert.ok(decode(knock({}, { vlans: [tag, tag, tag] })));
  });
});
