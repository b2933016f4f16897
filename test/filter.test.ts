// Tests which packets the filter passes for given doors and addresses: exactly those that some door can use if the
// doors are few, and more, but never fewer, if they are very many. libpcap runs the programs (Capture.matches); in
// live/capture.test.ts, the kernel does.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { buildFilter } from "../src/capture/bpf/filter.ts";
import { Records } from "../src/capture/records.ts";
import type { Door } from "../src/config/door.ts";
import type { ResolvedDoor } from "../src/config/resolved-door.ts";
import { type Address, formatAddress, parseAddress } from "../src/net/address.ts";
import type { Packet } from "../src/net/packet.ts";
import { ANY_FLAGS, flagsMatch, type TcpFlags } from "../src/net/tcp-flags.ts";
import { native } from "../src/platform/native.ts";
import type { Knock } from "../src/sequences/sequence.ts";
import { corpus, extension, LINK_TYPES } from "./decode-corpus.ts";
import { frame, type Segment, type TcpFlag, type Wrap } from "./frame.ts";

const address = (text: string) => parseAddress(text)!;

function resolvedDoor(
  sequence: readonly Knock[],
  tcpFlags: TcpFlags = ANY_FLAGS,
  targets?: readonly string[],
): ResolvedDoor {
  return { door: { sequence, clients: [], tcpFlags } as unknown as Door, targets: targets?.map(address) };
}

const tcp = (port: number): Knock => ({ protocol: "tcp", port });
const udp = (port: number): Knock => ({ protocol: "udp", port });

const records = new Records(1);

/** What attempts.ts would accept: a knock, at an address and a port of a door, with its flags. */
function isAccepted(
  bytes: Uint8Array,
  linkType: number,
  own: readonly Address[],
  resolvedDoors: readonly ResolvedDoor[],
): boolean {
  if (!native.decode(bytes, linkType, records.buffer)) return false;
  const packet = records.at(0);
  return resolvedDoors.some(({ door, targets }) => {
    const there = (targets ?? own).some((one) => formatAddress(one) === formatAddress(packet.destination));
    return there && door.sequence.some((knock) => isKnock(knock, door.tcpFlags, packet));
  });
}

function isKnock({ protocol, port }: Knock, flags: TcpFlags, packet: Packet): boolean {
  if (packet.port !== port) return false;
  return protocol === "udp" ? packet.protocol === 17 : packet.protocol === 6 && flagsMatch(flags, packet.flags);
}

const { matches } = native.Capture;

describe("the filter passes what some door can use", () => {
  const IPV4 = ["10.77.0.1", "10.77.0.2", "192.0.2.1"];
  // Each differs from the first in one other word.
  const IPV6 = ["fd77::1", "fd77::2", "fd77::1:0:1", "fd77:0:0:1::1", "fd78::1"];
  const PORTS = [1, 7000, 7001, 7003, 9000, 65535];

  const FLAGS: TcpFlag[] = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];
  const FLAG_BITS = FLAGS.slice(0, 6).map((name, i) => ({ name, bit: 1 << i }));
  const LINKS = Object.keys(LINK_TYPES) as (keyof typeof LINK_TYPES)[];

  const address_ = fc.constantFrom(...IPV4, ...IPV6);
  const bits = fc.integer({ min: 0, max: 63 });
  const someFlags = fc.record({ set: bits, clear: bits }).map(({ set, clear }) => ({ set, clear: clear & ~set }));
  const knock = fc.record({ protocol: fc.constantFrom("tcp", "tcp", "udp"), port: fc.constantFrom(...PORTS) });
  const doors = fc.array(
    fc
      .record({
        sequence: fc.array(knock as fc.Arbitrary<Knock>, { minLength: 1, maxLength: 4 }),
        flags: fc.oneof(fc.constant(ANY_FLAGS), fc.constant({ set: 2, clear: 16 }), someFlags),
        targets: fc.option(fc.array(address_, { maxLength: 2 }), { nil: undefined, freq: 2 }),
      })
      .map(({ sequence, flags, targets }) => resolvedDoor(sequence, flags, targets)),
    { maxLength: 5 },
  );
  const config = fc.record({
    linkType: fc.constantFrom(...Object.values(LINK_TYPES).flat()),
    own: fc.uniqueArray(address_, { maxLength: 4 }).map((texts) => texts.map(address)),
    resolvedDoors: doors,
  });

  const tag = fc.record({ tpid: fc.constantFrom(0x8100, 0x88a8, 0x9100), tci: fc.constantFrom(0, 5, 0xe000) });
  const fragment = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(undefined, { offset: 0, more: true }) },
    { weight: 1, arbitrary: fc.constantFrom({ offset: 1, more: false }, { offset: 4096, more: true }) },
  );
  const extra = fc.record({ type: fc.constantFrom(0, 43, 51, 60, 135), more: fc.integer({ min: 0, max: 2 }) });
  const ALL_AIMED = ["to", "protocol", "port", "flags"] as const;
  const packet = fc.record({
    /** What is taken from the door with index `aim`; everything else is random. */
    aimed: fc.oneof({ weight: 1, arbitrary: fc.constant(ALL_AIMED) }, fc.subarray([...ALL_AIMED])),
    aim: fc.nat({ max: 59 }),
    to: address_,
    protocol: fc.constantFrom<Segment["protocol"]>("tcp", "udp", 1, 58, 132),
    port: fc.constantFrom(...PORTS, 2, 7002, 65534),
    flags: fc.subarray(FLAGS),
    payload: fc.constantFrom(0, 5),
    options: fc.constantFrom(0, 0, 4, 40),
    vlans: fc.oneof({ weight: 3, arbitrary: fc.array(tag, { maxLength: 2 }) }, fc.array(tag, { maxLength: 4 })),
    fragment,
    extensions: fc.oneof(
      { weight: 3, arbitrary: fc.array(extra, { maxLength: 3 }) },
      fc.array(extra, { maxLength: 7 }),
    ),
  });
  type Value<T> = T extends fc.Arbitrary<infer V> ? V : never;

  /** Frames sent to these doors, most of them almost a knock. */
  function bytesOf(it: Value<typeof packet>, { linkType, own, resolvedDoors }: Value<typeof config>): Buffer {
    const segment: Segment = { ...it, from: "10.77.0.9", payload: Buffer.alloc(it.payload, 255) };
    const chosen = resolvedDoors[it.aim % resolvedDoors.length];
    if (chosen !== undefined) {
      const { sequence, tcpFlags } = chosen.door;
      const addresses = chosen.targets ?? own;
      const at = addresses[it.aim % addresses.length];
      const knock = sequence[it.aim % sequence.length]!;
      if (it.aimed.includes("to") && at !== undefined) segment.to = formatAddress(at);
      if (it.aimed.includes("protocol")) segment.protocol = knock.protocol;
      if (it.aimed.includes("port")) segment.port = knock.port;
      const wanted = ({ bit }: { bit: number }) => (tcpFlags.set & bit) !== 0 || (tcpFlags.clear & bit) === 0;
      if (it.aimed.includes("flags")) segment.flags = FLAG_BITS.filter(wanted).map(({ name }) => name);
    }
    const v6 = segment.to.includes(":");
    if (v6) segment.from = "fd77::9";
    const link = LINKS.find((name) => (LINK_TYPES[name] as readonly number[]).includes(linkType))!;
    const wrap: Wrap = { link, vlans: link === "raw" || link === "null" ? [] : it.vlans };
    if (v6) wrap.extensions = it.extensions.map(({ type, more }) => extension(type, 6 + 8 * more));
    else wrap.ipOptions = Buffer.alloc(it.options, 1);
    if (it.fragment) wrap.fragment = it.fragment;
    return frame(segment, wrap);
  }

  it("and nothing else, for any few doors and any frames", () => {
    let [through, kept] = [0, 0];
    fc.assert(
      fc.property(config, fc.array(packet, { minLength: 40, maxLength: 40 }), (settings, packets) => {
        const program = buildFilter(settings);
        for (const one of packets) {
          const bytes = bytesOf(one, settings);
          const expected = isAccepted(bytes, settings.linkType, settings.own, settings.resolvedDoors);
          assert.equal(matches(program, bytes), expected, JSON.stringify(one));
          if (expected) through++;
          else kept++;
        }
      }),
      { numRuns: 400 },
    );
    assert.ok(through > 1500 && kept > 1500, `${through} through, ${kept} kept out: too few to prove anything`);
  });

  it("and everything from a followed source that may be a knock, to any destination", () => {
    const seen = { followed: 0, acks: 0, others: 0 };
    const source = fc.constantFrom(
      "10.77.0.9",
      "10.77.0.8",
      "fd77::9",
      "fd77::8",
      "fd77::1:0:9",
      "fd77:0:0:1::9",
      "fd78::9",
    );
    fc.assert(
      fc.property(config, source, fc.array(packet, { minLength: 40, maxLength: 40 }), (settings, from, packets) => {
        const program = buildFilter({ ...settings, followed: address(from) });
        for (const one of packets) {
          const bytes = bytesOf(one, settings);
          const asEver = isAccepted(bytes, settings.linkType, settings.own, settings.resolvedDoors);
          const isKnown = native.decode(bytes, settings.linkType, records.buffer);
          const { source, protocol, flags } = records.at(0);
          const isHis = isKnown && formatAddress(source) === from;
          const mayBeKnock = isHis && (protocol === 17 || (flags & 16) === 0);
          assert.equal(matches(program, bytes), asEver || mayBeKnock, JSON.stringify(one));
          if (mayBeKnock && !asEver) seen.followed++;
          if (isHis && !mayBeKnock && !asEver) seen.acks++;
          if (!isHis && !asEver) seen.others++;
        }
      }),
      { numRuns: 400 },
    );
    assert.ok(seen.followed > 150 && seen.acks > 80 && seen.others > 2000, JSON.stringify(seen));
  });

  it("and whatever decode takes for a knock, even if bytes are changed or missing", () => {
    let through = 0;
    const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
    const broken = fc.record({ packet, changes: fc.array(change, { maxLength: 3 }), cut: fc.nat({ max: 12 }) });
    fc.assert(
      fc.property(config, fc.array(broken, { minLength: 40, maxLength: 40 }), (settings, all) => {
        const program = buildFilter(settings);
        for (const { packet, changes, cut } of all) {
          const whole = bytesOf(packet, settings);
          for (const { at, value } of changes) whole[at % whole.length] = value;
          const bytes = whole.subarray(0, whole.length - cut);
          if (!isAccepted(bytes, settings.linkType, settings.own, settings.resolvedDoors)) continue;
          assert.ok(matches(program, bytes), bytes.toString("hex"));
          through++;
        }
      }),
      { numRuns: 400 },
    );
    assert.ok(through > 300, `${through} through: too few to prove anything`);
  });

  it("in every encapsulation that decode reads, but not to another port or address", () => {
    const frames = corpus();
    for (const { title, linkType, segment, bytes } of frames) {
      const doors = (port: number) => [
        resolvedDoor([{ protocol: segment.protocol as "tcp", port }], { set: 2, clear: 16 }),
      ];
      const at = (to: string, port: number) =>
        matches(buildFilter({ linkType, own: [address(to)], resolvedDoors: doors(port) }), bytes);
      assert.ok(at(segment.to, segment.port), title);
      assert.ok(!at(segment.to, segment.port ^ 1), title);
      assert.ok(!at("fd77::7", segment.port), title);
    }
  });

  it("and nothing without doors or addresses", () => {
    const bytes = frame({ from: "10.77.0.2", to: "10.77.0.1", protocol: "tcp", port: 7000 });
    const own = [address("10.77.0.1")];
    assert.ok(matches(buildFilter({ linkType: 1, own, resolvedDoors: [resolvedDoor([tcp(7000)])] }), bytes));
    for (const [addresses, resolvedDoors] of [
      [own, []],
      [[], [resolvedDoor([tcp(7000)])]],
      [own, [resolvedDoor([tcp(7000)], ANY_FLAGS, [])]],
    ] as [Address[], ResolvedDoor[]][]) {
      assert.ok(!matches(buildFilter({ linkType: 1, own: addresses, resolvedDoors }), bytes));
    }
  });

  it("and is not built for a link type that decode does not read", () => {
    assert.throws(
      () => buildFilter({ linkType: 105, own: [], resolvedDoors: [] }),
      /^Error: link type 105 is not supported$/,
    );
  });
});

describe("the filter for very many doors fits into the kernel's limit and passes every knock", () => {
  const own = [address("10.77.0.1"), address("fd77::1")];
  const MAX_BYTES = 4096 * 8;

  /** Distinct numbers, in an order that is the same each time (xorshift32). */
  function someNumbers(count: number, most: number): number[] {
    const found = new Set<number>();
    for (let x = 2463534242; found.size < count; ) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      found.add(1 + ((x >>> 0) % most));
    }
    return [...found];
  }

  const knockAt = (to: string, { protocol, port }: Knock) =>
    frame({ from: to.includes(":") ? "fd77::2" : "10.77.0.2", to, protocol, port });
  const chunks = (knocks: readonly Knock[], size: number) =>
    Array.from({ length: Math.ceil(knocks.length / size) }, (_, i) => knocks.slice(i * size, (i + 1) * size));

  for (const [count, kinds, fewestKept] of [
    [1000, [tcp], 1], // of the ports that are not knocks, this part is not passed
    [1000, [tcp, udp], 0.9],
    [3000, [tcp], 0.8],
    [10_000, [tcp], 0.2],
    [10_000, [tcp, udp], 0.05],
  ] as [number, ((port: number) => Knock)[], number][]) {
    it(`${count} random ports of ${kinds.length === 1 ? "TCP" : "both protocols"}`, () => {
      const ports = someNumbers(count, 65535);
      const knocks = ports.flatMap((port) => kinds.map((kind) => kind(port)));
      const resolvedDoors = chunks(knocks, 32).map((sequence) => resolvedDoor(sequence, { set: 2, clear: 0 }));
      const program = buildFilter({ linkType: 1, own, resolvedDoors });
      assert.ok(program.length <= MAX_BYTES, `${program.length / 8} instructions`);
      for (const knock of knocks) assert.ok(matches(program, knockAt("10.77.0.1", knock)), JSON.stringify(knock));
      for (const knock of knocks.slice(0, 100)) assert.ok(matches(program, knockAt("fd77::1", knock)));
      const mine = new Set(ports);
      const others = someNumbers(13_000, 65535).filter((port) => !mine.has(port));
      const kept = others.filter((port) => !matches(program, knockAt("10.77.0.1", tcp(port)))).length;
      assert.ok(kept / others.length >= fewestKept, `${kept} of ${others.length} are kept out`);
      assert.ok(!matches(program, knockAt("10.77.0.3", knocks[0]!)), "the address still counts");
    });
  }

  it("1,000 doors, each with its own Target", () => {
    const targets = Array.from({ length: 1000 }, (_, i) => `10.${i & 3}.${i >> 8}.${i & 255}`);
    const ports = someNumbers(1000, 65535);
    const resolvedDoors = targets.map((target, i) =>
      resolvedDoor([tcp(ports[i]!), udp(ports[i]!)], ANY_FLAGS, [target]),
    );
    const program = buildFilter({ linkType: 1, own, resolvedDoors });
    assert.ok(program.length <= MAX_BYTES, `${program.length / 8} instructions`);
    targets.forEach((target, i) => {
      assert.ok(matches(program, knockAt(target, tcp(ports[i]!))), target);
      assert.ok(matches(program, knockAt(target, udp(ports[i]!))), target);
    });
  });

  it("hundreds of addresses, including IPv6", () => {
    const many = Array.from({ length: 120 }, (_, i) => [`10.77.1.${i}`, `fd77::${i}:0:1`]).flat();
    const resolvedDoors = [resolvedDoor([tcp(7000), udp(8000)], { set: 2, clear: 0 })];
    const program = buildFilter({ linkType: 1, own: many.map(address), resolvedDoors });
    for (const to of many) {
      assert.ok(matches(program, knockAt(to, tcp(7000))), to);
      assert.ok(!matches(program, knockAt(to, tcp(8000))), to);
    }
  });
});
