// Knocks in every encapsulation that decode reads, on every link type. decode.test.ts truncates them at each byte, the
// fuzzer (fuzz/decode.cc) starts from them, and the filter must pass them.

import { frame, type Segment, type Wrap } from "./frame.ts";

/** libpcap's DLT_ numbers. 101 is raw IP in a savefile. */
export const LINK_TYPES = { null: [0, 108], ethernet: [1], raw: [12, 101], sll: [113], sll2: [276] } as const;

export interface CorpusFrame {
  readonly title: string;
  readonly linkType: number;
  readonly segment: Segment;
  /** Without a payload, so that every byte is needed. */
  readonly bytes: Buffer;
}

const IPV4_WRAPS: Record<string, Wrap> = {
  IPv4: {},
  "IPv4 with 4 bytes of options": { ipOptions: Buffer.from("94040000", "hex") }, // router alert (RFC 2113)
  "IPv4 with 40 bytes of options": { ipOptions: Buffer.alloc(40, 1) }, // no operation
  "IPv4, a first fragment": { fragment: { offset: 0, more: true } },
};

/** Type numbers: hop-by-hop 0, routing 43, authentication 51, destination 60, mobility 135. Fragment, 44, is an encapsulation of its own. */
export const extension = (type: number, length = 6) => ({ type, body: Buffer.alloc(length, 1) });

const IPV6_WRAPS: Record<string, Wrap> = {
  IPv6: {},
  "IPv6, hop-by-hop": { extensions: [extension(0)] },
  "IPv6, routing of 24 bytes": { extensions: [extension(43, 22)] },
  "IPv6, destination options": { extensions: [extension(60)] },
  "IPv6, mobility": { extensions: [extension(135)] },
  "IPv6, authentication": { extensions: [extension(51, 22)] },
  "IPv6, an atomic fragment": { fragment: { offset: 0, more: false } },
  "IPv6, hop-by-hop, a first fragment": { extensions: [extension(0)], fragment: { offset: 0, more: true } },
  "IPv6, six extensions": {
    extensions: [extension(0), extension(60), extension(43), extension(51, 14), extension(60)],
    fragment: { offset: 0, more: true },
  },
};

const VLANS: Record<string, NonNullable<Wrap["vlans"]>> = {
  "": [],
  ", VLAN 5": [{ tpid: 0x8100, tci: 5 }],
  ", VLAN 0 with a priority": [{ tpid: 0x8100, tci: 0xe000 }],
  ", QinQ": [
    { tpid: 0x88a8, tci: 100 },
    { tpid: 0x8100, tci: 5 },
  ],
  ", old QinQ around VLAN 0": [
    { tpid: 0x9100, tci: 100 },
    { tpid: 0x8100, tci: 5 },
    { tpid: 0x8100, tci: 0 },
  ],
};

const SEGMENTS: readonly Omit<Segment, "from" | "to">[] = [
  { protocol: "tcp", port: 0x1234, sourcePort: 0xfedc, ttl: 0xa7, seq: 0x89abcdef, flags: ["syn", "ece", "cwr"] },
  { protocol: "udp", port: 0x1234, sourcePort: 0xfedc, ttl: 1 },
];

export function corpus(): CorpusFrame[] {
  const frames: CorpusFrame[] = [];
  for (const [link, linkTypes] of Object.entries(LINK_TYPES) as [keyof typeof LINK_TYPES, readonly number[]][]) {
    const vlans = link === "raw" || link === "null" ? { "": [] } : VLANS;
    for (const linkType of linkTypes) {
      for (const [tagged, tags] of Object.entries(vlans)) {
        for (const [wrapped, wrap, segment] of wrappedSegments()) {
          const title = `${link} (${linkType})${tagged}, ${wrapped}, ${segment.protocol}`;
          frames.push({ title, linkType, segment, bytes: frame(segment, { ...wrap, link, vlans: tags }) });
        }
      }
    }
  }
  return frames;
}

function wrappedSegments(): [string, Wrap, Segment][] {
  const all: [string, Wrap, Segment][] = [];
  for (const segment of SEGMENTS) {
    for (const [title, wrap] of Object.entries(IPV4_WRAPS)) {
      all.push([title, wrap, { ...segment, from: "10.77.0.2", to: "203.0.113.255" }]);
    }
    for (const [title, wrap] of Object.entries(IPV6_WRAPS)) {
      all.push([title, wrap, { ...segment, from: "fd77::2:0:0:2", to: "2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa" }]);
    }
  }
  return all;
}
