// Tests when the reader waits for packets and when it fetches them by a timer, with a fake capture. With real packets:
// live/capture.test.ts.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { afterEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PacketReader } from "../src/capture/packet-reader.ts";
import type { NativeCapture } from "../src/platform/native.ts";
import { until as isInTime, scaled } from "./time-limit.ts";

/** As strict as the real one about its states. `script` contains the result of each read, followed by -1 for ever. */
class FakeCapture implements NativeCapture {
  readonly linkType = 1;
  readonly linkTypeName = "Ethernet";
  readonly framesRead = 0;
  script: (number | Error)[] = [];
  reads = 0;
  starts = 0;
  closed = false;
  #onReadable: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  get waitedFor(): boolean {
    return this.#onReadable !== undefined && this.#timer === undefined;
  }
  /** Calls back as libuv does when packets wait. */
  wake(...script: (number | Error)[]): void {
    this.script.push(...script);
    assert.ok(this.waitedFor, "nobody waits");
    this.#onReadable!();
  }
  start(onReadable: () => void, everyMs?: number): void {
    this.#open();
    if (this.#onReadable) throw new Error("capture is already started");
    this.#onReadable = onReadable;
    if (everyMs === undefined) this.starts++;
    else this.#timer = setInterval(onReadable, everyMs);
  }
  stop(): void {
    this.#open();
    this.#end();
  }
  read(): number {
    this.#open();
    this.reads++;
    const next = this.script.shift() ?? -1;
    if (next instanceof Error) throw next;
    return next;
  }
  close(): void {
    this.closed = true;
    this.#end();
  }
  setFilter(): void {}
  stats() {
    return { received: 0, dropped: 0, read: 0 };
  }
  heldFilter(): Uint8Array {
    return new Uint8Array(0);
  }
  #end(): void {
    this.#onReadable = undefined;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
  #open(): void {
    if (this.closed) throw new Error("capture is closed");
  }
}

// A test that fails must not leave a timer behind that keeps the process from ending.
const sources: PacketReader[] = [];
const closeAll = () => {
  for (const source of sources.splice(0)) source.close();
};

function listen(onBatch: (count: number, now: number) => void = () => {}) {
  const capture = new FakeCapture();
  const clock = { now: 1000 };
  const batches: { count: number; now: number }[] = [];
  const errors: string[] = [];
  const source = new PacketReader(capture, {
    now: () => clock.now,
    onBatch: (_records, count, now) => {
      batches.push({ count, now });
      onBatch(count, now);
    },
    onError: (error) => errors.push(error.message),
  });
  sources.push(source);
  source.start();
  /** A flood: one wake-up more than the quiet limit. */
  const flood = () => {
    for (let i = 0; i < 21; i++) capture.wake(1);
  };
  return { capture, clock, batches, errors, source, flood };
}

// Node 18 has it, its types do not.
const { getActiveResourcesInfo } = process as unknown as { getActiveResourcesInfo(): string[] };
const timers = () => getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

async function until(condition: () => boolean): Promise<void> {
  assert.ok(await isInTime(condition, 5000), `not within seconds: ${condition}`);
}

describe("while few packets arrive", () => {
  afterEach(closeAll);

  it("what has arrived is read at once when it is asked for", () => {
    const { capture, batches, source } = listen();
    capture.script = [3, 1024, 5];
    source.readNow();
    assert.deepEqual(
      batches.map(({ count }) => count),
      [3, 1024, 5],
    );
    source.close();
    source.readNow();
    assert.equal(batches.length, 3, "nothing is read any more");
  });

  it("each wake-up reads one batch, with its time, and no timer runs", () => {
    const before = timers();
    const { capture, clock, batches, source } = listen();
    capture.wake(1);
    clock.now = 1007;
    capture.wake(1024, 5); // the 5 wait for the next wake-up
    assert.deepEqual(batches, [
      { count: 1, now: 1000 },
      { count: 1024, now: 1007 },
    ]);
    assert.equal(source.busy, false);
    assert.equal(timers(), before);
    source.close();
  });

  it("frames without a TCP or UDP packet, and a wake-up without frames, make no batch", () => {
    const { capture, batches, source } = listen();
    capture.wake(0);
    capture.wake();
    assert.deepEqual(batches, []);
    source.close();
  });

  it("20 wake-ups in 100 ms, and again in the next, still count as few", () => {
    const { capture, clock, batches, source } = listen();
    for (let window = 0; window < 5; window++) {
      for (let i = 0; i < 20; i++) capture.wake(1);
      clock.now += 100;
    }
    assert.equal(batches.length, 100);
    assert.equal(source.busy, false);
    assert.equal(capture.waitedFor, true);
    source.close();
  });
});

describe("while many packets arrive", () => {
  afterEach(closeAll);

  it("a timer reads all that are waiting, instead of a wake-up for each", async () => {
    const { capture, batches, source, flood } = listen();
    flood();
    assert.equal(source.busy, true);
    assert.equal(capture.waitedFor, false);
    assert.equal(batches.length, 21, "what woke us has been decided");
    capture.script.push(1024, 0, 7);
    await until(() => capture.script.length === 0);
    assert.deepEqual(
      batches.slice(21).map(({ count }) => count),
      [1024, 7],
    );
    source.close();
  });

  it("at most 16 batches are read at a time: other work gets its turn, and the rest follows", async () => {
    const { capture, batches, source, flood } = listen();
    flood();
    capture.reads = 0;
    capture.script = Array<number>(40).fill(1024);
    const readsAtEachTurn = new Set<number>();
    await until(() => {
      readsAtEachTurn.add(capture.reads);
      return capture.reads > 40;
    });
    for (const reads of [16, 32]) readsAtEachTurn.delete(reads);
    assert.ok(
      [...readsAtEachTurn].every((reads) => reads === 0 || reads > 40),
      `${[...readsAtEachTurn]}`,
    );
    assert.equal(batches.length, 21 + 40);
    source.close();
  });

  it("the timer runs while a window brings more than 20 packets, and stops at the first that does not", async () => {
    const { capture, clock, source, flood } = listen();
    flood();
    for (let window = 0; window < 3; window++) {
      capture.script.push(21);
      await until(() => capture.script.length === 0);
      clock.now += 100;
      const reads = capture.reads;
      await until(() => capture.reads >= reads + 2); // a tick that notices that the window is over
      assert.equal(source.busy, true, `after window ${window}`);
    }
    capture.script.push(20);
    await until(() => capture.script.length === 0);
    assert.equal(source.busy, true, "the window is not over yet");
    clock.now += 100;
    await until(() => !source.busy);
    assert.equal(capture.starts, 2);
    const reads = capture.reads;
    await sleep(30);
    assert.equal(capture.reads, reads, "the timer has ended");
    capture.wake(1);
    assert.equal(source.busy, false, "what it counted before the flood is forgotten");
    source.close();
  });
});

describe("when the capture fails or is closed", () => {
  afterEach(closeAll);

  it("a failed read closes it and is reported once: while few packets arrive", () => {
    const { capture, errors, source } = listen();
    capture.wake(new Error("The interface disappeared"));
    assert.deepEqual(errors, ["The interface disappeared"]);
    assert.equal(capture.closed, true);
    source.close();
    assert.equal(errors.length, 1);
  });

  it("a failed read closes it and is reported once: while many packets arrive, and no timer is left", async () => {
    const before = timers();
    const { capture, batches, errors, flood } = listen();
    flood();
    capture.script.push(3, new Error("corrupted frame on kernel ring"), 3);
    await until(() => capture.closed);
    assert.deepEqual(errors, ["corrupted frame on kernel ring"]);
    assert.equal(batches.length, 22, "the packets before it count");
    assert.ok(timers() <= before);
  });

  it("it is polled while the interface is down, until the interface is removed", async () => {
    const { capture, errors } = listen();
    capture.wake(-2);
    assert.equal(capture.reads, 1);
    capture.script.push(-2, new Error("The interface disappeared"));
    await until(() => capture.closed);
    assert.deepEqual(errors, ["The interface disappeared"]);
    assert.equal(capture.reads, 3);
  });

  it("polling ends when the interface is up again", async () => {
    const before = timers();
    const { capture, batches, source } = listen();
    capture.wake(-2);
    capture.script.push(2, -2, -1);
    await until(() => capture.reads === 2);
    assert.deepEqual(batches, [{ count: 2, now: 1000 }]);
    assert.ok(timers() <= before);
    source.close();
  });

  it("it may be closed by a packet: while few arrive, at the first of many, and while many arrive", async () => {
    for (const last of [1, 21, 22]) {
      const before = timers();
      let packets = 0;
      const { capture, errors, source } = listen(() => {
        if (++packets === last) source.close();
      });
      for (let i = 0; i < Math.min(last, 21); i++) capture.wake(1);
      if (last === 22) capture.script.push(5, 5, 5);
      await until(() => capture.closed);
      const reads = capture.reads;
      await sleep(20);
      assert.deepEqual([packets, reads, capture.reads], [last, last, last]);
      assert.deepEqual(errors, []);
      assert.ok(timers() <= before);
    }
  });

  it("it may be closed before it is started, in any state, and repeatedly; then nothing is read", async () => {
    const before = timers();
    const unstarted = new FakeCapture();
    const nobody = () => assert.fail("nothing is to come");
    new PacketReader(unstarted, { now: () => 0, onBatch: nobody, onError: nobody }).close();
    assert.equal(unstarted.closed, true);
    for (const state of ["quiet", "busy", "down"]) {
      const { capture, errors, source, flood } = listen();
      if (state === "busy") flood();
      if (state === "down") capture.wake(-2);
      assert.equal(timers() - before, state === "quiet" ? 0 : 1, state);
      source.close();
      source.close();
      assert.equal(source.busy, false);
      assert.equal(timers(), before, state);
      assert.deepEqual(errors, []);
    }
  });

  it("an exception of the packet's consumer is neither swallowed nor taken for a failed capture", () => {
    const { capture, errors, source } = listen(() => {
      throw new Error("a bug");
    });
    assert.throws(() => capture.wake(1), /^Error: a bug$/);
    assert.deepEqual(errors, []);
    assert.equal(capture.closed, false);
    source.close();
  });

  it("… nor while many packets arrive: it ends the process with its stack", () => {
    const script = `
      import { PacketReader } from ${JSON.stringify(new URL("../src/capture/packet-reader.js", import.meta.url).href)};
      let onReadable, reads = 0;
      const start = (it, everyMs) => { onReadable = it; if (everyMs) setInterval(it, everyMs); };
      const capture = { start, stop() {}, close() {}, read: () => ++reads };
      const onBatch = (records, count) => { if (count === 22) throw new Error("a bug"); };
      new PacketReader(capture, { now: () => 0, onBatch, onError: () => process.exit(7) }).start();
      while (reads < 21) onReadable();`;
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: scaled(20_000),
    });
    assert.equal(status, 1);
    assert.match(stderr, /Error: a bug\n\s+at .*onBatch/);
  });
});
