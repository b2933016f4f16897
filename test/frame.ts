// Builds frames as bytes from plain values, with correct lengths and checksums.
import { isIPv4, isIPv6 } from "node:net";
import { endianness } from "node:os";

export type TcpFlag = "fin" | "syn" | "rst" | "psh" | "ack" | "urg" | "ece" | "cwr";

export interface Segment {
  from: string;
  to: string;
  /** A number is any other IP protocol: its body is the two ports, then the payload, so that it looks like a knock to a sloppy reader. */
  protocol: "tcp" | "udp" | number;
  port: number;
  sourcePort?: number;
  seq?: number;
  flags?: readonly TcpFlag[];
  /** Also the hop limit of IPv6; 64 when absent. */
  ttl?: number;
  payload?: Buffer;
}

export interface Wrap {
  link?: "ethernet" | "sll" | "sll2" | "raw" | "null";
  macs?: { from: string; to: string };
  /** Outermost first. */
  vlans?: { tpid: number; tci: number }[];
  /** IPv4 only; a multiple of 4 bytes. */
  ipOptions?: Buffer;
  /** IPv6 only; `body` is what follows the header's type and length bytes, and is filled up with zeros. */
  extensions?: { type: number; body: Buffer }[];
  /** The segment becomes this fragment's payload. The offset counts 8-byte units, as in the header. */
  fragment?: { offset: number; more: boolean };
}

/** A Wire gives its two interfaces these addresses, so that a frame needs no wrap to arrive. */
export const MACS = { from: "02:00:0a:4d:00:02", to: "02:00:0a:4d:00:01" };

const TCP = 6;
const UDP = 17;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const FLAGS: Record<TcpFlag, number> = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128 };

export function frame(segment: Segment, wrap: Wrap = {}): Buffer {
  const from = parseAddress(segment.from);
  const to = parseAddress(segment.to);
  if (from.length !== to.length) throw new Error(`two families in one packet: ${segment.from} and ${segment.to}`);
  const protocol = protocolNumber(segment.protocol);
  const body = transport(segment, protocol, from, to);
  const { ttl = 64 } = segment;
  if (from.length === 4) return linked(wrap, IPV4, ipv4(wrap, protocol, ttl, from, to, body));
  return linked(wrap, IPV6, ipv6(wrap, protocol, ttl, from, to, body));
}

/** 4 or 16 bytes in network order. */
export function parseAddress(ip: string): Buffer {
  if (isIPv4(ip)) return Buffer.from(ip.split(".").map(Number));
  if (!isIPv6(ip) || ip.includes("%")) throw new Error(`not an IP address: ${ip}`);
  const [head, tail] = ip.split("::").map(groups) as [Buffer, Buffer?];
  if (!tail) return head;
  return Buffer.concat([head, Buffer.alloc(16 - head.length - tail.length), tail]);
}

function groups(text: string): Buffer {
  if (text === "") return Buffer.alloc(0);
  return Buffer.concat(
    text.split(":").map((group) => (group.includes(".") ? parseAddress(group) : u16(parseInt(group, 16)))),
  );
}

function protocolNumber(protocol: Segment["protocol"]): number {
  if (protocol === "tcp") return TCP;
  return protocol === "udp" ? UDP : protocol;
}

function transport(segment: Segment, protocol: number, from: Buffer, to: Buffer): Buffer {
  const { port, sourcePort = 40000, payload = Buffer.alloc(0) } = segment;
  const ports = Buffer.concat([u16(sourcePort), u16(port)]);
  if (protocol === TCP) {
    const { seq = 1, flags = ["syn"] } = segment;
    const bits = flags.reduce((sum, flag) => sum | FLAGS[flag], 0);
    const body = Buffer.concat([ports, u32(seq), u32(0), bytes(5 << 4, bits), u16(64240), u32(0), payload]);
    body.writeUInt16BE(checksum(pseudoHeader(protocol, from, to, body.length), body), 16);
    return body;
  }
  if (protocol === UDP) {
    const body = Buffer.concat([ports, u16(8 + payload.length), u16(0), payload]);
    // A sum of 0 would mean "no checksum", so UDP sends it as its other form.
    body.writeUInt16BE(checksum(pseudoHeader(protocol, from, to, body.length), body) || 0xffff, 6);
    return body;
  }
  return Buffer.concat([ports, payload]);
}

function pseudoHeader(protocol: number, from: Buffer, to: Buffer, length: number): Buffer {
  // IPv4 and IPv6 lay this out differently, but the sum of its 16-bit words is the same.
  return Buffer.concat([from, to, u32(length), u32(protocol)]);
}

function ipv4(wrap: Wrap, protocol: number, ttl: number, from: Buffer, to: Buffer, body: Buffer): Buffer {
  const { ipOptions = Buffer.alloc(0), fragment = { offset: 0, more: false } } = wrap;
  if (wrap.extensions) throw new Error("IPv4 has no extension headers");
  if (ipOptions.length % 4 || ipOptions.length > 40) throw new Error("IPv4 options: a multiple of 4 bytes, up to 40");
  const length = 20 + ipOptions.length;
  const header = Buffer.concat([
    bytes(0x40 | (length / 4), 0),
    u16(length + body.length),
    u16(1),
    u16((fragment.more ? 0x2000 : 0) | fragment.offset),
    bytes(ttl, protocol),
    u16(0),
    from,
    to,
    ipOptions,
  ]);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, body]);
}

function ipv6(wrap: Wrap, protocol: number, ttl: number, from: Buffer, to: Buffer, body: Buffer): Buffer {
  if (wrap.ipOptions) throw new Error("IPv6 has no options: give extensions");
  const chain = [...(wrap.extensions ?? [])];
  if (wrap.fragment) {
    const { offset, more } = wrap.fragment;
    chain.push({ type: FRAGMENT, body: Buffer.concat([u16((offset << 3) | (more ? 1 : 0)), u32(1)]) });
  }
  const headers = chain.map((it, i) => extension(it.type, it.body, chain[i + 1]?.type ?? protocol));
  const payload = Buffer.concat([...headers, body]);
  const first = chain[0]?.type ?? protocol;
  return Buffer.concat([u32(0x60000000), u16(payload.length), bytes(first, ttl), from, to, payload]);
}

function extension(type: number, body: Buffer, next: number): Buffer {
  const header = Buffer.alloc(Math.ceil((2 + body.length) / 8) * 8);
  header[0] = next;
  // The fragment header has no length. The authentication header counts in units of 4 bytes, minus 2; all others in
  // units of 8, minus 1.
  if (type === AUTHENTICATION) header[1] = header.length / 4 - 2;
  else if (type !== FRAGMENT) header[1] = header.length / 8 - 1;
  body.copy(header, 2);
  return header;
}

function linked(wrap: Wrap, type: number, packet: Buffer): Buffer {
  const { link = "ethernet", macs = MACS, vlans = [] } = wrap;
  if (link === "raw" || link === "null") {
    if (vlans.length) throw new Error(`no VLAN tags in ${link} frames`);
    if (link === "raw") return packet;
    // An address family in the byte order of the capturing machine. Of the three numbers that BSDs have for IPv6,
    // Darwin's.
    return Buffer.concat([native32(type === IPV4 ? 2 : 30), packet]);
  }
  const from = mac(macs.from);
  const outer = u16(vlans[0]?.tpid ?? type);
  const tags = vlans.map(({ tci }, i) => Buffer.concat([u16(tci), u16(vlans[i + 1]?.tpid ?? type)]));
  const rest = [...tags, packet];
  const cookedFrom = Buffer.concat([from, u16(0)]);
  // Cooked: packet type 0 (to us), hardware type 1 (Ethernet), an address of 6 bytes; v2 also has the interface's index.
  if (link === "sll") return Buffer.concat([u16(0), u16(1), u16(6), cookedFrom, outer, ...rest]);
  if (link === "sll2") return Buffer.concat([outer, u16(0), u32(2), u16(1), bytes(0, 6), cookedFrom, ...rest]);
  return Buffer.concat([mac(macs.to), from, outer, ...rest]);
}

/** The Internet checksum over all parts; only the last may be of odd length. */
function checksum(...parts: Buffer[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += (part[i]! << 8) | (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

function mac(text: string): Buffer {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) throw new Error(`not a MAC address: ${text}`);
  return Buffer.from(text.replaceAll(":", ""), "hex");
}

const bytes = (...values: number[]): Buffer => Buffer.from(values);

function u16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeUInt16BE(value);
  return buffer;
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value >>> 0);
  return buffer;
}

const native32 = (value: number): Buffer => (endianness() === "LE" ? u32(value).reverse() : u32(value));
