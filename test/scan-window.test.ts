// Tests that the filter is wide while there are live attempts, and narrow again a second after the last one.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { Attempts } from "../src/attempts/attempts.ts";
import { buildFilter } from "../src/capture/bpf/filter.ts";
import { Records } from "../src/capture/records.ts";
import { ScanWindow, strayClasses } from "../src/capture/scan-window.ts";
import { DEFAULT_POLICY } from "../src/config/door.ts";
import { parseConfig } from "../src/config/parse.ts";
import { formatAddress, parseAddress } from "../src/net/address.ts";
import type { Packet } from "../src/net/packet.ts";
import { ANY_FLAGS, flagsMatch } from "../src/net/tcp-flags.ts";
import { ephemeralPorts, listeningPorts } from "../src/platform/local-ports.ts";
import { native } from "../src/platform/native.ts";
import { parseSequence } from "../src/sequences/sequence.ts";
import { frame, type TcpFlag } from "./frame.ts";
import { toPacket } from "./story.ts";

const EPHEMERAL = { low: 32_768, high: 60_999 };

function scene() {
  const set: string[] = [];
  const timers: (() => void)[] = [];
  const clock = { now: 0 };
  const listening = { tcp: [22, 443], udp: [53], known: true };
  const scanWindow = new ScanWindow({
    prepare: (strays) => set.push(strays === undefined ? "nothing" : `${strays.length} classes`),
    widen: (wide) => set.push(wide ? "wide" : "narrow"),
    after: (_, callback) => {
      timers.push(callback);
      return { cancel: () => void timers.splice(timers.indexOf(callback), 1) };
    },
    now: () => clock.now,
    listeningPorts: () => (listening.known ? listening : undefined),
    ephemeral: EPHEMERAL,
  });
  return { set, timers, clock, listening, scanWindow };
}
const policy = (more = {}, sequence = "7000,8000") => ({
  sequence: parseSequence(sequence),
  clients: [],
  tcpFlags: ANY_FLAGS,
  policy: { ...DEFAULT_POLICY, ...more },
});
const FLAG_NAMES: readonly TcpFlag[] = ["fin", "syn", "rst", "psh", "ack", "urg"];

describe("the scan window", () => {
  it("opens with the first attempt, and closes a second after the last, without a timer in between", () => {
    const { set, timers, scanWindow } = scene();
    scanWindow.setDoors([policy()]);
    for (const live of [0, 1, 5, 1]) scanWindow.update(live);
    assert.deepEqual([set.splice(0), timers.length], [["4 classes", "narrow", "wide"], 0]);
    scanWindow.update(0);
    scanWindow.update(0);
    assert.equal(timers.length, 1);
    scanWindow.update(1); // another knock
    assert.deepEqual([set, timers.length], [[], 0]);
    scanWindow.update(0);
    timers.shift()!();
    assert.deepEqual(set, ["narrow"]);
  });

  it("is prepared before any knock, and again while it is open, if other ports are listening", () => {
    const { set, clock, listening, scanWindow } = scene();
    scanWindow.setDoors([policy()]);
    set.length = 0;
    listening.tcp.push(8080);
    clock.now = 1000;
    scanWindow.update(1);
    assert.deepEqual(set.splice(0), ["wide", "4 classes"]);
    scanWindow.setDoors([policy({ strict: true }, "7000,8000:udp")]);
    assert.deepEqual(set.splice(0), ["5 classes", "wide"]);
    scanWindow.setDoors([policy({ maxStrays: 0 })]);
    assert.deepEqual(set, ["nothing", "narrow"]);
  });

  it("never opens if no door counts strays", () => {
    const { set, scanWindow } = scene();
    scanWindow.setDoors([policy({ maxStrays: 0 })]);
    scanWindow.update(7);
    assert.deepEqual(set, ["nothing", "narrow"]);
  });

  it("counts no stray at a listening port, which is checked from time to time, nor in replies to our connections", () => {
    const { scanWindow, clock, listening } = scene();
    const packet = (port: number, protocol = 6, flags = 2) => ({ port, protocol, flags }) as Packet;
    assert.deepEqual(
      [packet(443), packet(444), packet(53), packet(53, 17, 0), packet(443, 17, 0)].map((one) =>
        scanWindow.isStray(one),
      ),
      [false, true, true, false, true],
    );
    const high = [packet(40_000), packet(40_000, 6, 16), packet(40_000, 17, 0), packet(100, 6, 16)];
    assert.deepEqual(
      high.map((one) => [scanWindow.isStray(one), scanWindow.isAnswer(one)]),
      [
        [true, false],
        [false, true],
        [true, false],
        [true, false],
      ],
    );
    listening.tcp.push(444);
    assert.equal(scanWindow.isStray(packet(444)), true);
    clock.now = 1000;
    assert.equal(scanWindow.isStray(packet(444)), false);
    listening.udp.push(40_000); // a query to a name server
    clock.now = 1004;
    assert.equal(scanWindow.isStray(packet(40_000, 17, 0)), true);
    clock.now = 1005;
    assert.equal(scanWindow.isStray(packet(40_000, 17, 0)), false, "asked anew sooner than of other ports");
    assert.deepEqual([scanWindow.isStray(packet(445, 6, 4)), scanWindow.isStray(packet(40_000, 6, 4))], [true, false]);
    listening.known = false;
    clock.now = 2000;
    assert.equal(scanWindow.isStray(packet(445)), false, "nobody can tell");
  });
});

// All 64 sets of the six flags, both protocols, at ports below the ephemeral ones, among them and above.
describe("what counts as a knock for a door counts as a stray for it, and vice versa", () => {
  const LISTENING = { tcp: [22, 40_022], udp: [53, 40_053] };
  const CONFIGS = [
    "",
    "tcpflags = syn",
    "tcpflags = syn,!ack",
    "tcpflags = syn,rst",
    "tcpflags = ack",
    "tcpflags = !syn",
  ];
  const [fin, syn, rst, ack] = [1, 2, 4, 16];
  /** The segments that a connection which we opened brings, according to RFC 9293. */
  const answers = (flags: number) => {
    const isReset = (flags & syn) === 0 && (flags & rst) !== 0;
    const isSegment = (flags & (syn | rst)) === 0 && (flags & ack) !== 0;
    const isSynAck = (flags & (syn | ack | rst | fin)) === (syn | ack);
    return isReset || isSegment || isSynAck;
  };

  for (const strict of ["no", "yes"]) {
    for (const flagsLine of CONFIGS) {
      for (const kind of ["tcp", "udp"] as const) {
        it(`${kind}, Strict = ${strict}, ${flagsLine || "any flags"}`, () => {
          const ports = [7000, 8000, 40_000, 50_000, 61_000];
          const config = ports.map((port) => `[d${port}]\nsequence = ${port}:${kind},9:${kind},${port}:${kind}\n`);
          const { doors } = parseConfig(
            config.map((section) => `${section}strict = ${strict}\nmax_strays = 1\n${flagsLine}\n`).join(""),
            "",
            () => undefined,
          );
          const scanWindow = new ScanWindow({
            prepare() {},
            widen() {},
            after: () => ({ cancel() {} }),
            now: () => 0,
            listeningPorts: () => LISTENING,
            ephemeral: EPHEMERAL,
          });
          const own = [parseAddress("10.77.0.1")!];
          const resolvedDoors = doors.map((door) => ({ door, targets: undefined }));
          const strays = strayClasses(doors, new Set(LISTENING.tcp), new Set(LISTENING.udp), EPHEMERAL);
          const [wide, narrow] = [strays, []].map((more) =>
            buildFilter({ linkType: 1, own, resolvedDoors, strays: more }),
          ) as [Uint8Array, Uint8Array];
          const records = new Records(1);
          let n = 0;
          const attempts = new Attempts({
            isOurs: () => true,
            isStray: (packet) => scanWindow.isStray(packet),
            isAnswer: (packet) => scanWindow.isAnswer(packet),
            hashKey: [1, 2],
            capacity: 64,
          });
          attempts.setDoors(resolvedDoors);
          /** Does the packet cause a line, if its source has, or has not, knocked before? */
          const counts = (filter: Uint8Array, port: number, flags: readonly TcpFlag[], first?: number): boolean => {
            const from = `10.78.${++n >> 8}.${n & 255}`;
            const common = { from, to: "10.77.0.1", protocol: kind, sourcePort: 5000 };
            if (first !== undefined) {
              const wanted = FLAG_NAMES.filter((_, i) => ((doors[0]!.tcpFlags.set >> i) & 1) === 1);
              const events = attempts.knock(toPacket({ ...common, port: first, flags: wanted, seq: 1 }), 0);
              assert.equal(events.length, 1);
            }
            const bytes = frame({ ...common, port, flags, seq: 2 });
            if (!native.Capture.matches(filter, bytes)) return false;
            native.decode(bytes, 1, records.buffer);
            return attempts.knock(records.at(0), 1).length > 0;
          };
          for (let bits = 0; bits < (kind === "tcp" ? 64 : 1); bits++) {
            const flags = FLAG_NAMES.filter((_, i) => ((bits >> i) & 1) === 1);
            for (const port of ports) {
              const isEphemeral = port >= EPHEMERAL.low && port <= EPHEMERAL.high;
              const isAnswer = kind === "tcp" && isEphemeral && answers(bits);
              const isWanted = kind === "udp" || flagsMatch(doors[0]!.tcpFlags, bits);
              const what = `${flags.join()} at ${port}`;
              assert.equal(counts(narrow, port, flags), isWanted && !isAnswer, `a knock: ${what}`);
              assert.equal(counts(wide, port + 1, flags, 61_000), isWanted && !isAnswer, `a stray: ${what}`);
            }
            for (const port of LISTENING[kind]) assert.equal(counts(wide, port, flags, 61_000), false, `${port}`);
          }
          const other = kind === "tcp" ? "udp" : "tcp";
          const foreign = frame({ from: "10.77.0.2", to: "10.77.0.1", protocol: other, port: 1000 });
          assert.equal(native.Capture.matches(wide, foreign), false, "the other protocol");
        });
      }
    }
  }

  it("also at a door's Target, and not at our own address", () => {
    const { doors } = parseConfig("[a]\nsequence = 7000,8000\ntarget = 192.0.2.1\nstrict = yes\n", "", () => undefined);
    const resolvedDoors = doors.map((door) => ({ door, targets: [parseAddress("192.0.2.1")!] }));
    const strays = strayClasses(doors, new Set(), new Set(), EPHEMERAL);
    const filter = buildFilter({ linkType: 1, own: [parseAddress("10.77.0.1")!], resolvedDoors, strays });
    const attempts = new Attempts({
      isOurs: (to) => formatAddress(to) === "10.77.0.1",
      isStray: () => true,
      hashKey: [1, 2],
    });
    attempts.setDoors(resolvedDoors);
    const send = (to: string, port: number, seq: number) => {
      const segment = { from: "10.77.0.2", to, protocol: "tcp" as const, port, flags: ["syn" as const], seq };
      const isLetThrough = native.Capture.matches(filter, frame(segment));
      return isLetThrough ? attempts.knock(toPacket({ ...segment, sourcePort: 1 }), seq).map(({ type }) => type) : [];
    };
    assert.deepEqual(send("192.0.2.1", 7000, 1), ["stage"]);
    assert.deepEqual(send("10.77.0.1", 1, 2), []);
    assert.deepEqual(send("192.0.2.1", 1, 3), ["scan"]);
  });
});

describe("this host", () => {
  it("reports its listening ports, for IPv4 and IPv6", async () => {
    for (const host of ["127.0.0.1", "::1"]) {
      const server = createServer().listen(0, host);
      await new Promise((resolve) => server.once("listening", resolve));
      const { port } = server.address() as { port: number };
      assert.ok(listeningPorts()!.tcp.includes(port), host);
      await new Promise((resolve) => server.close(resolve));
      assert.ok(!listeningPorts()!.tcp.includes(port), host);
    }
  });
  it("reports the ephemeral ports", () => {
    const { low, high } = ephemeralPorts();
    assert.ok(low > 0 && low <= high && high <= 65_535);
  });
});
