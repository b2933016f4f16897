// The filter is wide while attempts are live, and narrow a second after the last one.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import type { Packet } from "../src/attempts/packet.ts";
import { ephemeralPorts, listeningPorts, strayClasses, Widening } from "../src/capture/widening.ts";
import { DEFAULT_POLICY } from "../src/config/door.ts";

const EPHEMERAL = { low: 32_768, high: 60_999 };

function scene() {
  const set: string[] = [];
  const timers: (() => void)[] = [];
  const clock = { now: 0 };
  const listening = { tcp: [22, 443], udp: [53], known: true };
  const widening = new Widening({
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
  return { set, timers, clock, listening, widening };
}
const policy = (more = {}) => ({ policy: { ...DEFAULT_POLICY, ...more } });

describe("widening", () => {
  it("comes with the first attempt, and ends a second after the last, without a timer in between", () => {
    const { set, timers, widening } = scene();
    widening.setDoors([policy()]);
    for (const live of [0, 1, 5, 1]) widening.update(live);
    assert.deepEqual([set.splice(0), timers.length], [["2 classes", "narrow", "wide"], 0]);
    widening.update(0);
    widening.update(0);
    assert.equal(timers.length, 1);
    widening.update(1); // somebody knocks again
    assert.deepEqual([set, timers.length], [[], 0]);
    widening.update(0);
    timers.shift()!();
    assert.deepEqual(set, ["narrow"]);
  });

  it("is prepared before anybody knocks, and anew, once it is wide, when somebody else listens here", () => {
    const { set, clock, listening, widening } = scene();
    widening.setDoors([policy()]);
    set.length = 0;
    listening.tcp.push(8080);
    clock.now = 1000;
    widening.update(1);
    assert.deepEqual(set.splice(0), ["wide", "2 classes"]);
    widening.setDoors([policy({ strict: true })]);
    assert.deepEqual(set.splice(0), ["3 classes", "wide"]);
    widening.setDoors([policy({ maxStrays: 0 })]);
    assert.deepEqual(set, ["nothing", "narrow"]);
  });

  it("never comes when no door minds", () => {
    const { set, widening } = scene();
    widening.setDoors([policy({ maxStrays: 0 })]);
    widening.update(7);
    assert.deepEqual(set, ["nothing", "narrow"]);
  });

  it("knows no stray where somebody listens, asked anew now and then, nor in answers to our own connections", () => {
    const { widening, clock, listening } = scene();
    const packet = (port: number, protocol = 6, flags = 2) => ({ port, protocol, flags }) as Packet;
    assert.deepEqual(
      [packet(443), packet(444), packet(53), packet(53, 17, 0), packet(443, 17, 0)].map((one) => widening.isStray(one)),
      [false, true, true, false, true],
    );
    const high = [packet(40_000), packet(40_000, 6, 16), packet(40_000, 17, 0), packet(100, 6, 16)];
    assert.deepEqual(
      high.map((one) => widening.isStray(one)),
      [true, false, false, true],
    );
    listening.tcp.push(444);
    assert.equal(widening.isStray(packet(444)), true);
    clock.now = 1000;
    assert.equal(widening.isStray(packet(444)), false);
    assert.equal(widening.isStray(packet(445, 6, 4)), false, "a reset");
    listening.known = false;
    clock.now = 2000;
    assert.equal(widening.isStray(packet(445)), false, "nobody can tell");
  });
});

describe("the classes of strays", () => {
  const classes = strayClasses(new Set([22, 443]), new Set([53]), EPHEMERAL, true);
  const passes = (protocol: number, port: number, flags = 2) =>
    classes.some(
      (one) =>
        one.protocol === protocol &&
        (flags & one.flags.set) === one.flags.set &&
        (flags & one.flags.clear) === 0 &&
        one.ports.some(({ low, high }) => port >= low && port <= high),
    );
  it("are all ports but those where somebody listens, and those of answers", () => {
    for (const [port, tcp, ack, udp] of [
      [1, true, true, true],
      [22, false, false, true],
      [23, true, true, true],
      [53, true, true, false],
      [443, false, false, true],
      [32_767, true, true, true],
      [32_768, true, false, false],
      [60_999, true, false, false],
      [61_000, true, true, true],
      [65_535, true, true, true],
    ] as const) {
      assert.deepEqual([passes(6, port), passes(6, port, 16), passes(17, port, 0)], [tcp, ack, udp], `${port}`);
    }
  });
  it("have no UDP unless a strict door minds", () => {
    assert.ok(strayClasses(new Set(), new Set(), EPHEMERAL, false).every(({ protocol }) => protocol === 6));
  });
});

describe("this host", () => {
  it("tells the ports on which it listens, of both families", async () => {
    for (const host of ["127.0.0.1", "::1"]) {
      const server = createServer().listen(0, host);
      await new Promise((resolve) => server.once("listening", resolve));
      const { port } = server.address() as { port: number };
      assert.ok(listeningPorts()!.tcp.includes(port), host);
      await new Promise((resolve) => server.close(resolve));
      assert.ok(!listeningPorts()!.tcp.includes(port), host);
    }
  });
  it("tells the ports of outgoing connections", () => {
    const { low, high } = ephemeralPorts();
    assert.ok(low > 0 && low <= high && high <= 65_535);
  });
});
