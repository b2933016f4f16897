// Tests what clients that watch the doors receive, and how much of it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { DaemonEvent } from "../src/events/daemon-event.ts";
import type { KnockEvent } from "../src/events/knock-event.ts";
import { EventStream } from "../src/log/event-stream.ts";
import { parseAddress } from "../src/net/address.ts";
import { doorRefOf } from "./door.ts";
import { until } from "./time-limit.ts";

const DOOR = doorRefOf({ name: "ssh" });

describe("a watcher of the doors", () => {
  const knocker = parseAddress("192.0.2.1")!;
  const open: Extract<KnockEvent, { type: "open" }> = { type: "open", door: DOOR, knocker };

  it("receives events from its subscription on, and no ports", () => {
    const watch = new EventStream(() => 0);
    assert.equal(watch.isWatched, false);
    watch.knock(open);
    const received: DaemonEvent[] = [];
    const end = watch.subscribe((daemonEvent) => received.push(daemonEvent));
    assert.equal(watch.isWatched, true);
    watch.knock({ ...open, type: "stage", stage: 1 });
    watch.knock(open);
    watch.knock({ ...open, type: "timeout", stage: 2 });
    watch.knock({ type: "scan", knocker, ports: 8, seconds: 60 });
    end();
    watch.knock(open);
    const at = { ip: "192.0.2.1", door: "ssh" };
    assert.deepEqual(received, [
      { event: "stage", ...at, stage: 1 },
      { event: "open", ...at },
      { event: "timeout", ...at, stage: 2 },
      { event: "scan", ip: "192.0.2.1", ports: 8, seconds: 60 },
    ]);
    assert.equal(watch.isWatched, false);
  });

  it("receives the packet's arrival time with every event that the packet causes", async () => {
    const watch = new EventStream(() => performance.now());
    const times: number[] = [];
    watch.subscribe((_, time) => times.push(time.getTime()));
    const at = performance.now();
    const wall = Date.now();
    watch.knock(open, at);
    await sleep(20);
    watch.verdict(() => ({ event: "verdict", ip: "192.0.2.1", verdict: "other", text: "" }), at);
    watch.knock({ ...open, type: "stage", stage: 1 }, at);
    assert.deepEqual(times, [times[0], times[0], times[0]]);
    assert.ok(Math.abs(times[0]! - wall) < 5000, `${times[0]} and ${wall}`); // the clock of the wall, whenever we are scheduled
  });

  it("receives at most a hundred verdicts a second, which do not displace other events", () => {
    const watch = new EventStream(() => 0);
    let made = 0;
    const verdict = (): DaemonEvent => ({ event: "verdict", ip: "192.0.2.1", verdict: "other", text: `${++made}` });
    watch.verdict(verdict);
    assert.equal(made, 0, "nobody watches");
    const received: DaemonEvent[] = [];
    watch.subscribe((daemonEvent) => received.push(daemonEvent));
    for (let i = 0; i < 1000; i++) watch.verdict(verdict);
    assert.deepEqual([received.length, made], [100, 100]);
    watch.knock(open);
    assert.equal(received.at(-1)!.event, "open");
  });

  it("receives at most 500 events a second, and the number of the others", async () => {
    let now = 0;
    const watch = new EventStream(() => now);
    const [one, other]: DaemonEvent[][] = [[], []];
    watch.subscribe((daemonEvent) => one!.push(daemonEvent));
    watch.subscribe((daemonEvent) => other!.push(daemonEvent));
    for (let i = 0; i < 700; i++) watch.knock(open);
    assert.equal(one!.length, 500);
    now = 990;
    watch.knock(open);
    await until(() => one!.length === 501, 10_000);
    assert.deepEqual(one!.at(-1), { event: "held back", count: 201, kind: "any" });
    now = 1000;
    watch.knock(open);
    assert.equal(one!.length, 502);
    assert.deepEqual(other, one);
  });
});
