// Tests the packet loop's timing with a simulated clock, so that the tests wait for nothing.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConfig } from "../src/config/parse.ts";
import { CaptureLoop } from "../src/daemon/capture-loop.ts";
import { eventLine } from "../src/log/messages.ts";
import { formatAddress, parseAddress } from "../src/net/address.ts";
import type { CapturedPacket } from "../src/net/packet.ts";
import { VirtualClock } from "../src/replay/virtual-clock.ts";
import { toPacket } from "./story.ts";

const TWO = "[two]\nsequence = 7000,7001\nseq_timeout = 5\n";
const ONE = "[one]\nsequence = 7000\n";

class Scene {
  readonly clock = new VirtualClock();
  /** What the log, the opener and the source did, in order. */
  readonly seen: string[] = [];
  readonly debug: string[] = [];
  /** By line, the time of the event. */
  readonly times = new Map<string, number>();
  readonly expectations: string[] = [];
  /** Batches that have arrived, and that nobody has read. */
  arrived: (readonly (readonly [from: string, port: number])[])[] = [];
  /** How many timers were ever set. */
  timers = 0;
  mayDuplicate = false;
  isDuplicate = true;
  /** The addresses of the interface that captures. */
  own = { has: () => true, isClient: () => true };
  #sent = 0;
  readonly source = {
    isDuplicate: () => this.isDuplicate,
    prepare: () => {},
    widen: (wide: boolean) => void this.seen.push(wide ? "wide" : "narrow"),
    readNow: () => {
      for (const packets of this.arrived.splice(0)) this.batch(...packets);
    },
    follow: (address: { w3: number } | undefined) => void this.seen.push(address ? "follow" : "unfollow"),
  };
  readonly loop = new CaptureLoop({
    now: () => this.clock.now,
    after: (seconds, callback) => {
      this.timers++;
      return this.clock.after(seconds, callback);
    },
    source: () => ({ ...this.source, mayDuplicate: this.mayDuplicate }),
    listeningPorts: () => ({ tcp: [], udp: [] }),
    ephemeral: { low: 32_768, high: 60_999 },
    eventLog: {
      event: (event, at) => {
        const line = eventLine(event, formatAddress(event.knocker));
        this.seen.push(line);
        this.times.set(line, at);
      },
    },
    opener: {
      open: ({ name }) => void this.seen.push(`open ${name}`),
      expect: (_, { port, latest }) => void this.expectations.push(`${port} for ${latest} ms`),
      endExpectation: () => void this.expectations.push("none"),
    },
    packetLog: { debug: (line: string) => void this.debug.push(line) } as never,
    memory: { clear() {}, release: () => void this.seen.push("release") },
  });

  constructor(config: string) {
    this.apply(config);
    this.seen.length = 0;
  }

  /** The number of openings. */
  get opened(): number {
    return this.seen.filter((line) => line.startsWith("open ")).length;
  }

  apply(config: string): void {
    const { doors } = parseConfig(config, "knockd.conf", () => undefined);
    this.loop.apply(
      doors.map((door) => ({ door, targets: undefined })),
      doors,
    );
  }

  batch(...packets: readonly (readonly [from: string, port: number])[]): void {
    const all = packets.map(([from, port]): CapturedPacket => {
      const sourcePort = 40_000 + ++this.#sent;
      const segment = { from, to: "10.77.0.1", port, protocol: "tcp" as const, flags: ["syn" as const], sourcePort };
      return { ...toPacket({ ...segment, seq: this.#sent }), length: 60, time: 0 };
    });
    this.loop.onBatch(this.own, { at: (i) => all[i]! }, all.length, this.clock.now);
  }

  /** Runs everything that is due until then. */
  pass(ms: number): void {
    const end = this.clock.now + ms;
    while (this.clock.due <= end) {
      this.clock.advanceTo(this.clock.due);
      this.clock.runNext();
    }
    this.clock.advanceTo(end);
  }
}

describe("the capture loop", () => {
  it("widens the filter while an attempt is live, and narrows it a while later", () => {
    const scene = new Scene(TWO);
    scene.batch(["10.77.0.2", 7000]);
    assert.deepEqual(scene.seen, ["10.77.0.2: two: Stage 1", "wide"]);
    scene.pass(5030);
    assert.deepEqual(scene.seen.slice(2), ["10.77.0.2: two: sequence timeout (stage 1)"]);
    scene.pass(1000);
    assert.equal(scene.seen.at(-1), "narrow");
  });

  it("handles timeouts close to each other in one wake-up, and does not wake up if none is due", () => {
    const scene = new Scene(TWO);
    scene.batch(["10.77.0.2", 7000]);
    scene.pass(10);
    scene.batch(["10.77.0.3", 7000]);
    scene.pass(4985);
    scene.batch(["10.77.0.4", 7000]); // checks what is due as well
    scene.pass(4);
    assert.equal(scene.seen.filter((line) => line.includes("timeout")).length, 0);
    assert.equal(scene.timers, 1, "the one that waits goes on waiting");
    scene.pass(15);
    assert.equal(scene.seen.filter((line) => line.includes("timeout")).length, 1, "the other one is due since 4 ms");
    scene.pass(50);
    assert.equal(scene.seen.filter((line) => line.includes("timeout")).length, 2);
    scene.pass(7000);
    assert.equal(scene.clock.due, Number.POSITIVE_INFINITY);
  });

  it("expects the last knock after a packet that came alone, until the next batch", () => {
    const scene = new Scene(TWO);
    scene.pass(1);
    scene.batch(["10.77.0.2", 7000]);
    assert.deepEqual(scene.expectations, ["7001 for 5000 ms"]);
    scene.batch(["10.77.0.3", 7000], ["10.77.0.4", 7000]);
    assert.deepEqual(scene.expectations, ["7001 for 5000 ms", "none"]);
  });

  it("reads what has arrived before it opens a held door", () => {
    const scan = Array.from({ length: 10 }, (_, i) => ["10.77.0.2", 8000 + i] as const);
    for (const arrived of [scan, []]) {
      const scene = new Scene(TWO);
      scene.batch(["10.77.0.2", 7000], ["10.77.0.2", 7001]);
      scene.arrived.push(arrived);
      scene.pass(20);
      assert.equal(scene.seen.includes("open two"), arrived.length === 0, `${scene.seen}`);
      assert.deepEqual(scene.arrived, []);
    }
  });

  it("reads what has arrived before it ends an attempt", () => {
    for (const [arrived, expected] of [
      [[["10.77.0.2", 7001]], ["10.77.0.2: two: Stage 2", "10.77.0.2: two: OPEN SESAME", "open two"]],
      [[["10.77.0.3", 7001]], ["10.77.0.2: two: sequence timeout (stage 1)"]],
    ] as const) {
      const scene = new Scene(TWO);
      scene.batch(["10.77.0.2", 7000]);
      scene.arrived.push(arrived);
      scene.seen.length = 0;
      scene.pass(5100);
      assert.deepEqual(scene.seen, expected);
    }
  });

  it("holds a fast sequence that is read late as long as any other", () => {
    const scan = Array.from({ length: 10 }, (_, i) => ["10.77.0.3", 8000 + i] as const);
    for (const rest of [scan, []]) {
      const scene = new Scene(TWO);
      scene.batch(["10.77.0.2", 7000]);
      scene.arrived.push([
        ["10.77.0.3", 7000],
        ["10.77.0.3", 7001],
      ]);
      scene.clock.advanceTo(5100); // the machine was busy
      scene.clock.runNext();
      assert.deepEqual(scene.arrived, []);
      assert.ok(!scene.seen.includes("open two"), "it waits for the rest of a scan");
      if (rest.length > 0) scene.batch(...rest);
      scene.pass(20);
      assert.equal(scene.seen.includes("open two"), rest.length === 0, `${scene.seen}`);
      scene.seen.length = 0;
      scene.batch(["10.77.0.4", 7000], ["10.77.0.4", 7001]);
      scene.pass(6);
      assert.ok(scene.seen.includes("open two"), "the next one waits no longer than usual");
    }
  });

  it("counts packets that are read late as if they had come in time, but never before others", () => {
    for (const [batchAt, at] of [
      [1, 4],
      [4.5, 4.5],
    ] as const) {
      const scene = new Scene(TWO);
      scene.batch(["10.77.0.2", 7000], ["10.77.0.2", 7001]);
      scene.clock.advanceTo(batchAt);
      scene.batch(["10.77.0.3", 7000]);
      scene.arrived.push([["10.77.0.4", 7000]]);
      scene.pass(20);
      assert.deepEqual(scene.times.get("10.77.0.4: two: Stage 1"), at);
    }
  });

  it("opens a held door on time, without the rounding of timeouts", () => {
    const scene = new Scene(TWO);
    scene.batch(["10.77.0.2", 7000], ["10.77.0.2", 7001]);
    assert.ok(!scene.seen.includes("open two"));
    assert.equal(scene.clock.due, 5.5, "half a millisecond more, because setTimeout cuts off fractions");
    scene.pass(6);
    assert.ok(scene.seen.includes("open two"));
  });

  it("checks each packet against the addresses of its own interface, also if two come at the same time", () => {
    const scene = new Scene(ONE);
    scene.batch(["10.77.0.2", 7000]);
    assert.equal(scene.opened, 1);
    scene.own = { has: () => false, isClient: () => true };
    scene.batch(["10.77.0.2", 7000]);
    assert.equal(scene.opened, 1);
    scene.own = { has: () => true, isClient: () => false };
    scene.batch(["10.77.0.2", 7000]);
    assert.equal(scene.opened, 1);
  });

  it("drops duplicate packets, but only if interfaces can show a packet twice", () => {
    const scene = new Scene(ONE);
    scene.mayDuplicate = true;
    scene.batch(["10.77.0.2", 7000]);
    assert.deepEqual([scene.seen, scene.debug], [[], []]);
    scene.mayDuplicate = false;
    scene.batch(["10.77.0.2", 7000]);
    assert.ok(scene.seen.includes("open one"));
    assert.equal(scene.debug.length, 1);
    [scene.mayDuplicate, scene.isDuplicate] = [true, false];
    scene.batch(["10.77.0.3", 7000]);
    assert.equal(scene.seen.filter((line) => line === "open one").length, 2);
  });

  it("returns memory to the system after much work, once no attempt is live", () => {
    const scene = new Scene(`${ONE}${TWO.replace("7000", "7002")}`);
    for (let i = 0; i < 255; i++) scene.batch(["10.77.0.2", 7000]);
    const idle = () => {
      scene.batch(["10.77.0.3", 7002]);
      scene.pass(7000);
    };
    idle();
    assert.ok(!scene.seen.includes("release"));
    scene.batch(["10.77.0.2", 7000]);
    idle();
    idle();
    assert.equal(scene.seen.filter((line) => line === "release").length, 1);
  });

  it("follows one source at a time, also at captures that a reload adds", () => {
    const scene = new Scene(TWO);
    const told: (string | undefined)[] = [];
    const end = scene.loop.follow(parseAddress("10.77.0.2")!, ({ door }) => void told.push(door));
    assert.equal(
      scene.loop.follow(parseAddress("10.77.0.3")!, () => {}),
      undefined,
    );
    scene.batch(["10.77.0.2", 7000], ["10.77.0.3", 7000]);
    assert.deepEqual(told, ["two"]);
    scene.seen.length = 0;
    scene.apply(TWO);
    assert.ok(scene.seen.includes("follow"));
    end!();
    assert.equal(scene.seen.at(-1), "unfollow");
    scene.apply(TWO);
    assert.notEqual(scene.seen.at(-1), "follow");
  });

  it("no longer wakes up after its end", () => {
    const scene = new Scene(TWO);
    scene.batch(["10.77.0.2", 7000]);
    scene.loop.end();
    scene.pass(10_000);
    assert.ok(!scene.seen.some((line) => line.includes("timeout")));
  });
});
