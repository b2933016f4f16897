// Tests how retransmissions are told from equal knocks, case by case. Generated scenes, against the reference:
// attempts.test.ts.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Attempts } from "../src/attempts/attempts.ts";
import { parseConfig } from "../src/config/parse.ts";
import { eventLine } from "../src/log/messages.ts";
import { formatAddress, parseAddress } from "../src/net/address.ts";
import type { Packet } from "../src/net/packet.ts";
import { Reference } from "./reference.ts";

const isOurs = () => true;
const isStray = () => false;
/** Seconds, port, source port, sequence number. */
type Step = readonly [at: number, port: number, sourcePort: number, sequence: number];

/** The lines for these packets, all from one client. The reference gives the same. */
function lines(sequences: Record<string, string>, steps: readonly Step[]): string[] {
  const config = Object.entries(sequences).map(([name, ports]) => `[${name}]\nsequence = ${ports}\ntcpflags = syn\n`);
  const { doors } = parseConfig(config.join(""), "", () => undefined);
  const resolvedDoors = doors.map((door) => ({ door, targets: undefined }));
  const attempts = new Attempts({ isOurs, isStray, hashKey: [1, 2], capacity: 64 });
  attempts.setDoors(resolvedDoors);
  const reference = new Reference(resolvedDoors, { isOurs, isStray });
  const source = parseAddress("10.77.0.2")!;
  const told: string[] = [];
  for (const [at, port, sourcePort, sequence] of steps) {
    const now = Math.round(at * 1000);
    const packet: Packet = { source, destination: source, sourcePort, port, protocol: 6, flags: 2, sequence, ttl: 64 };
    const events = [...attempts.expire(now), ...attempts.knock(packet, now)];
    told.push(...events.map((event) => eventLine(event, formatAddress(event.knocker))));
    reference.knock(packet, now);
  }
  told.push(...attempts.expire(1e6).map((event) => eventLine(event, formatAddress(event.knocker))));
  reference.expire(1e6);
  assert.deepEqual(told, reference.lines);
  return told.map((line) => line.replace("10.77.0.2: ", ""));
}

const opened = (door: string, stages: number) => [
  ...Array.from({ length: stages }, (_, i) => `${door}: Stage ${i + 1}`),
  `${door}: OPEN SESAME`,
];

describe("retransmissions of a client", () => {
  const ports = [3000, 2000, 3000, 4000, 2000, 3000]; // opens, and is closed again
  const doors = { open: "3000,2000,3000", close: "4000,2000,3000" };
  const both = [...opened("open", 3), ...opened("close", 3)];
  // What tools write into the headers of each packet.
  const tools: Record<string, (port: number, i: number) => readonly [sourcePort: number, sequence: number]> = {
    "scapy: port 20, number 0": () => [20, 0],
    "port 0, number 0": () => [0, 0],
    "number 0 from different ports": (port) => [port, 0],
    "one port, one number (nping)": () => [51234, 0xdeadbeef | 0],
    "one port, the port as number": (port) => [20, port],
    "one port, other numbers (hping3 -s 20 -k)": (_, i) => [20, 1_000_003 * i + 1],
    "one port, a number made of the port": (port) => [40_000, Math.imul(port, 0x9e3779b1)],
    "the port as source port, one number": (port) => [port, 1000],
    "a source port made of the port, one number": (port) => [port + 30_000, 1],
  };
  for (const [name, headers] of Object.entries(tools)) {
    for (const pause of [0.001, 0.05, 0.2, 1, 2, 3]) {
      it(`are not assumed for packets of a tool: ${name}, one every ${pause} s`, () => {
        const steps = ports.map((port, i) => [i * pause + (i > 2 ? 1 : 0), port, ...headers(port, i)] as const);
        // A door that was knocked fast is held for a moment: the next packet shows the opening.
        assert.deepEqual(lines(doors, steps).sort(), [...both].sort());
      });
    }
  }

  it("are recognised after another source has flooded the same door with whole sequences", () => {
    const door = parseConfig("[door]\nsequence = 7000,8000\ntcpflags = syn\n", "", () => undefined).doors[0]!;
    const attempts = new Attempts({ isOurs, isStray, hashKey: [1, 2], capacity: 64 });
    attempts.setDoors([{ door, targets: undefined }]);
    const [client, flooder] = [parseAddress("10.77.0.2")!, parseAddress("10.77.0.3")!];
    const knock = (source: typeof client, port: number, sequence: number, now: number) => {
      const flags = { destination: client, protocol: 6, flags: 2, ttl: 64 };
      const packet: Packet = { source, sourcePort: 1024 + (sequence % 60_000), port, sequence, ...flags };
      return attempts.knock(packet, now).map(({ type }) => type);
    };
    assert.deepEqual(knock(client, 7000, 111, 400), ["stage"]);
    assert.deepEqual(knock(client, 8000, 222, 500), ["stage", "open"]);
    let openings = 0;
    for (let n = 0; n < 40_000; n++)
      openings += knock(flooder, n % 2 === 0 ? 7000 : 8000, 1000 + n, 500 + Math.floor(n / 45)).filter(
        (type) => type === "open",
      ).length;
    assert.equal(openings, 19_999); // the first one is held, because it may be a scan
    assert.deepEqual(knock(client, 7000, 111, 1410), []);
  });

  it("are recognised in the middle of a flood from their own address", () => {
    // Other clients behind the same address knock at another door, each a few times.
    const doors = { web: "7000,8000", ssh: "1000,2000" };
    const copies = [1.001, 1.101].map((at, i) => [at, 1000 * (i + 1), 5000 + i, 111 * (i + 1)] as const);
    const firsts = copies.map(([at, ...segment]) => [at - 1, ...segment] as const);
    const flood = Array.from(
      { length: 100 },
      (_, i) => [0.5 + i / 200, [7000, 8000][i % 2]!, 9000 + i, i + 1] as const,
    );
    const ssh = lines(doors, [...firsts, ...flood, ...copies]).filter((line) => line.startsWith("ssh"));
    assert.deepEqual(ssh, opened("ssh", 2));
  });

  it("are not assumed for packets that share nothing, at times when no system retransmits", () => {
    const headers = (port: number) => [port, port] as const;
    const steps = ports.map((port, i) => [i * 0.2, port, ...headers(port)] as const);
    assert.deepEqual(lines({ open: doors.open }, steps.slice(0, 3)), opened("open", 3));
    const slow = ports.map((port, i) => [i * 4.1, port, ...headers(port)] as const);
    assert.deepEqual(lines(doors, slow), both);
    const one = [0, 5, 10, 20, 40].map((at) => [at, 7777, 1234, 99] as const);
    assert.deepEqual(lines({ one: "7777" }, one), Array(5).fill(opened("one", 1)).flat());
  });

  // When an unanswered SYN is retransmitted, in seconds after the first.
  const systems = {
    "Linux before 6.5": [1, 3, 7, 15, 31, 63],
    "Linux since 6.5": [1, 2, 3, 4, 5, 7, 11, 19, 35, 67],
    macOS: [1, 2, 3, 4, 5, 7, 11, 19, 35, 67],
    "Windows 10": [1, 3, 7],
    "Windows, at a closed port": [0.5, 1],
    "Windows XP, BSD": [3, 9, 21],
    "delivered twice": [0.0003, 0.004],
  };
  for (const [name, times] of Object.entries(systems)) {
    for (const lost of [-1, 0, 1, 2]) {
      // If only one copy arrives, or a late one first, it is another knock of that client.
      if (lost >= 0 && (times.length < 4 || name.includes("delivered"))) continue;
      it(`by ${name} are ignored before and after the opening${lost < 0 ? "" : `, copy ${lost + 1} lost`}`, () => {
        const knocks: Step[] = [
          [0, 7000, 50_000, 0x12345678],
          [0.31, 8000, 50_001, 0x23456789],
          [0.62, 9000, 50_002, 0x3456789a],
          [0.93, 7777, 50_003, 0x456789ab],
        ];
        const copies = knocks.flatMap(([at, ...rest], n) =>
          times
            .filter((_, i) => i !== lost)
            .map((time, i): Step => [at + time * (1 + 0.01 * ((i + n) % 5)) + (time < 0.1 ? 0 : 0.02 * n), ...rest]),
        );
        const steps = [...knocks, ...copies].sort(([a], [b]) => a - b);
        const config = { open: "7000,8000,9000", close: "9000,8000,7000", again: "8000,9000", one: "7777" };
        assert.deepEqual(lines(config, steps), [...opened("open", 3), ...opened("one", 1)]);
      });
    }
  }

  it("from a source port that the client has chosen are ignored, until the port is used again", () => {
    const steps: Step[] = [
      [0, 7000, 4000, 111],
      [1.02, 7000, 4000, 111], // curl --local-port 4000 -m 2
      [2, 7000, 4000, 222],
      [3.01, 7000, 4000, 222],
      [4, 8000, 4000, 333],
    ];
    assert.deepEqual(lines({ a: "7000,8000,9000" }, steps), [
      "a: Stage 1",
      "a: Stage 2",
      "a: sequence timeout (stage 2)",
    ]);
  });

  it("do not count as a second knock at the same port, but a new connection does", () => {
    const steps: Step[] = [
      [0, 7000, 50_000, 111],
      [1.01, 7000, 50_000, 111],
      [2, 7000, 50_002, 222],
      [3.02, 7000, 50_000, 111],
      [3.03, 7000, 50_002, 222],
      [4, 8000, 50_004, 333],
    ];
    assert.deepEqual(lines({ a: "7000,7000,8000" }, steps), opened("a", 3));
  });

  it("are judged without packets from more than 70 seconds ago", () => {
    const steps: Step[] = [
      [0, 7000, 20, 111],
      [0.1, 8000, 20, 222],
      [100, 9000, 20, 333],
      [101.1, 9000, 20, 333],
    ];
    assert.deepEqual(lines({ a: "7000,8000", b: "9000" }, steps), [...opened("a", 2), ...opened("b", 1)]);
  });

  it("are judged for each client separately", () => {
    const { doors: all } = parseConfig("[a]\nsequence = 7000\n[b]\nsequence = 8000\n", "", () => undefined);
    const attempts = new Attempts({ isOurs, isStray, hashKey: [1, 2], capacity: 64 });
    attempts.setDoors(all.map((door) => ({ door, targets: undefined })));
    const knock = (from: string, port: number, sourcePort: number, sequence: number, now: number) => {
      const source = parseAddress(from)!;
      const packet = { source, destination: source, sourcePort, port, protocol: 6, flags: 2, sequence, ttl: 64 };
      return attempts.knock(packet, now).length > 0;
    };
    assert.equal(knock("10.77.0.2", 7000, 20, 111, 0), true);
    assert.equal(knock("10.77.0.3", 8000, 20, 111, 0), true);
    assert.equal(knock("10.77.0.2", 7000, 20, 111, 1000), false);
    assert.equal(knock("10.77.0.3", 8000, 20, 111, 1000), false);
    assert.equal(knock("10.77.0.2", 8000, 20, 222, 1500), true);
    assert.equal(knock("10.77.0.2", 7000, 20, 111, 2000), true);
    assert.equal(knock("10.77.0.3", 8000, 20, 111, 2000), false);
  });
});
