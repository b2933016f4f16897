// Tests which ports count at which addresses for given doors: exactly at first, then coarser, but never fewer.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Body, coarsen, dropToFit, portClasses } from "../src/capture/bpf/port-classes.ts";
import type { Door } from "../src/config/door.ts";
import type { ResolvedDoor } from "../src/config/resolved-door.ts";
import { formatAddress, parseAddress } from "../src/net/address.ts";
import type { PortRange } from "../src/net/port-range.ts";
import { ANY_FLAGS, addTcpFlags } from "../src/net/tcp-flags.ts";
import { parseSequence } from "../src/sequences/sequence.ts";

const address = (text: string) => parseAddress(text)!;

function resolvedDoor(sequence: string, flags = "", targets?: string[]): ResolvedDoor {
  const door = {
    sequence: parseSequence(sequence),
    clients: [],
    tcpFlags: flags === "" ? ANY_FLAGS : addTcpFlags(ANY_FLAGS, flags),
  };
  return { door: door as unknown as Door, targets: targets?.map(address) };
}

const text = ({ low, high }: PortRange) => (low === high ? `${low}` : `${low}-${high}`);

/** Each body in one line: `ADDRESSES: PROTOCOL/SET/CLEAR PORTS; …` */
const lines = (bodies: readonly Body[]) =>
  bodies.map(({ addresses, classes }) => {
    const ports = classes.map(
      ({ protocol, flags, ports }) => `${protocol}/${flags.set}/${flags.clear} ${ports.map(text).join()}`,
    );
    return `${addresses?.map(formatAddress).join() ?? "any"}: ${ports.join("; ")}`;
  });

describe("port classes", () => {
  const own = ["10.77.0.1", "fd77::1"].map(address);
  for (const [title, resolvedDoors, expected] of [
    ["no doors: nothing counts anywhere", [], []],
    [
      "the ports of one protocol are merged, neighbours to a range",
      [resolvedDoor("7002,7000:udp,7001,7003"), resolvedDoor("9000,7000")],
      ["10.77.0.1,fd77::1: 6/0/0 7000-7003,9000; 17/0/0 7000"],
    ],
    [
      "other flags are another class, and none for UDP",
      [resolvedDoor("1,2:udp", "syn"), resolvedDoor("3,4:udp", "syn,!ack"), resolvedDoor("5", "syn")],
      ["10.77.0.1,fd77::1: 6/2/0 1,5; 17/0/0 2,4; 6/2/16 3"],
    ],
    [
      "a target stands in place of our own addresses",
      [resolvedDoor("1", "", ["192.0.2.1"]), resolvedDoor("2")],
      ["192.0.2.1: 6/0/0 1", "10.77.0.1,fd77::1: 6/0/0 2"],
    ],
    [
      "an address that is a target and ours has the knocks of both",
      [resolvedDoor("1", "", ["fd77::1", "192.0.2.1"]), resolvedDoor("2")],
      ["fd77::1: 6/0/0 1-2", "192.0.2.1: 6/0/0 1", "10.77.0.1: 6/0/0 2"],
    ],
    ["a target without an address matches nothing", [resolvedDoor("1", "", [])], []],
    [
      "equal targets share a body",
      [resolvedDoor("1", "", ["192.0.2.1"]), resolvedDoor("3", "", ["192.0.2.1"])],
      ["192.0.2.1: 6/0/0 1,3"],
    ],
    ["port 65535 and port 1 are ports", [resolvedDoor("65535,1,65534")], ["10.77.0.1,fd77::1: 6/0/0 1,65534-65535"]],
  ] as [string, ResolvedDoor[], string[]][]) {
    it(title, () => assert.deepEqual(lines(portClasses(own, resolvedDoors)), expected));
  }

  it("are only those of Targets if this host has no address", () => {
    assert.deepEqual(lines(portClasses([], [resolvedDoor("1"), resolvedDoor("2", "", ["::1"])])), ["::1: 6/0/0 2"]);
  });
});

describe("coarser ranges", () => {
  const ranges = fc
    .uniqueArray(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 120 })
    .map((ports) => portClasses([address("::1")], [{ ...many(ports), targets: undefined }])[0]!.classes[0]!.ports);

  function many(ports: number[]): { door: Door } {
    const sequence = ports.map((port) => ({ protocol: "tcp" as const, port }));
    return { door: { sequence, clients: [], tcpFlags: ANY_FLAGS } as unknown as Door };
  }

  it("close the smallest gaps, and no more than necessary", () => {
    const three = [10, 13, 20, 22, 40].map((port) => ({ low: port, high: port }));
    assert.deepEqual(coarsen(three, 5), three);
    assert.deepEqual(coarsen(three, 4).map(text), ["10", "13", "20-22", "40"]);
    assert.deepEqual(coarsen(three, 3).map(text), ["10-13", "20-22", "40"]);
    assert.deepEqual(coarsen(three, 2).map(text), ["10-22", "40"]);
    assert.deepEqual(coarsen(three, 1).map(text), ["10-40"]);
  });

  it("contain every original port, do not overlap, and have the requested number", () => {
    fc.assert(
      fc.property(ranges, fc.integer({ min: 1, max: 60 }), (exact, most) => {
        const coarse = coarsen(exact, most);
        assert.equal(coarse.length, Math.min(exact.length, most));
        for (const { low, high } of exact) assert.ok(coarse.some((one) => one.low <= low && high <= one.high));
        for (let i = 1; i < coarse.length; i++) assert.ok(coarse[i - 1]!.high + 1 < coarse[i]!.low);
        assert.deepEqual([coarse[0]!.low, coarse.at(-1)!.high], [exact[0]!.low, exact.at(-1)!.high]);
      }),
    );
  });
});

describe("coarsening to fit", () => {
  const counts = (bodies: readonly Body[]) => bodies.map(({ classes }) => classes.map(({ ports }) => ports.length));

  it("begins exactly, reduces each class by an eighth, and ends at any destination with 64 ranges", () => {
    const odd = Array.from({ length: 100 }, (_, i) => `${2 * i + 1}`);
    const doors = [0, 32, 64, 96].map((at) => resolvedDoor(odd.slice(at, at + 32).join(), "syn"));
    const own = [address("10.77.0.1")];
    const bodies = portClasses(own, [...doors, resolvedDoor("5:udp", "", ["192.0.2.1"])]);
    const steps = [...dropToFit(bodies)];
    assert.deepEqual(steps[0], bodies);
    assert.deepEqual(steps.map(counts), [
      [[100], [1]],
      [[88], [1]],
      [[77], [1]],
      [[68], [1]],
      [[60], [1]],
      [[100, 1]],
      [[88, 1]],
      [[77, 1]],
      [[68, 1]],
      [[60, 1]],
    ]);
    assert.match(lines(steps[5]!)[0]!, /^any: 6\/0\/0 1,3,5,.*,199; 17\/0\/0 5$/);
  });

  it("does not try the same program twice if there are many bodies with few ports", () => {
    const doors = Array.from({ length: 1000 }, (_, i) =>
      resolvedDoor(`${i + 1}`, "syn", [`10.0.${i >> 8}.${i & 255}`]),
    );
    const steps = [...dropToFit(portClasses([], doors))];
    assert.deepEqual(
      steps.map((bodies) => bodies.length),
      [1000, 1],
    );
    assert.deepEqual(lines(steps[1]!), ["any: 6/0/0 1-1000"]);
  });

  it("begins with no more ranges than the instructions can search", () => {
    const many = Array.from({ length: 313 }, (_, d) =>
      resolvedDoor(Array.from({ length: 32 }, (_, i) => `${(d * 32 + i) * 3 + 1}`).join()),
    );
    const first = dropToFit(portClasses([address("::1")], many)).next().value!;
    assert.deepEqual(counts(first), [[2048]]);
  });
});
