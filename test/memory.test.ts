// Tests memory that the addon clears and returns to the system.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { releaseUnusedMemory } from "../src/platform/memory.ts";
import { native } from "../src/platform/native.ts";
import { scaled } from "./time-limit.ts";

describe("zeroAndRelease", () => {
  it("sets every byte of the buffer to 0 and no other, for any length", () => {
    for (const length of [0, 1, 4095, 4096, 4097, 8191, 100_000, 1 << 20]) {
      const all = Array.from({ length: 3 }, () => new Uint8Array(length).fill(0xaa));
      native.zeroAndRelease(all[1]!.buffer as ArrayBuffer);
      assert.ok(
        all[1]!.every((byte) => byte === 0),
        `${length}`,
      );
      assert.ok(
        [all[0]!, all[2]!].every((other) => other.every((byte) => byte === 0xaa)),
        `beside ${length}`,
      );
      all[1]!.fill(0xbb);
      assert.ok(
        all[1]!.every((byte) => byte === 0xbb),
        `${length}, written again`,
      );
    }
  });

  it("takes only an ArrayBuffer", () => {
    for (const other of [undefined, new Uint8Array(8), "x"]) {
      assert.throws(() => native.zeroAndRelease(other as never), {
        name: "TypeError",
        message: "zeroAndRelease takes an ArrayBuffer",
      });
    }
  });
});

describe("releaseUnusedMemory", () => {
  // In a separate process: in this one, the test runner would touch its pages again meanwhile.
  it("releases megabytes of mapped files, repeatedly, and the process keeps working", () => {
    const script = `
      import { native } from ${JSON.stringify(new URL("../src/platform/native.js", import.meta.url).href)};
      import { readFileSync } from "node:fs";
      const ofFiles = () => Number(/^RssFile:\\s+(\\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))[1]);
      const before = ofFiles();
      for (let i = 0; i < 3; i++) native.releaseUnusedMemory();
      const after = ofFiles();
      const sorted = Array.from({ length: 1000 }, (_, i) => String(i * 7919 % 1000)).sort().join();
      const json = JSON.stringify({ before, after, sorted: sorted.length, regexp: /(a+)b/.exec("caab")[1] });
      await import("node:dns/promises"); // touches pages that were never touched before
      console.log(json);`;
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: scaled(20_000),
    });
    assert.deepEqual([status, signal, stderr], [0, null, ""]);
    const { before, after, sorted, regexp } = JSON.parse(stdout);
    assert.deepEqual([sorted, regexp], [3889, "aa"]);
    assert.ok(after < before - 10_000, `${before} KB of files before, ${after} KB after`);
  });

  it("happens again when V8 has collected a second time, once after several calls", (t) => {
    const released = t.mock.method(native, "releaseUnusedMemory", () => {});
    const timer = t.mock.method(globalThis, "setTimeout", (() => ({ unref: () => timer })) as never);
    const cancelled = t.mock.method(globalThis, "clearTimeout", () => {});
    releaseUnusedMemory();
    releaseUnusedMemory();
    assert.deepEqual(
      cancelled.mock.calls.map((call) => call.arguments[0]),
      [undefined, timer],
    );
    const [again, ms] = timer.mock.calls[1]!.arguments;
    assert.ok(ms! > 8000, `${ms}`);
    assert.equal(released.mock.callCount(), 2);
    again();
    assert.equal(released.mock.callCount(), 3);
  });
});

describe("large buffers", () => {
  // In malloc's heap, each would be filled with zeros, and the memory around it could not be returned. In a separate
  // process, as above.
  it("have mappings of their own, also after larger ones have been freed", () => {
    const script = `
      import { native } from ${JSON.stringify(new URL("../src/platform/native.js", import.meta.url).href)};
      import { readFileSync } from "node:fs";
      import { runInNewContext } from "node:vm";
      import { setFlagsFromString } from "node:v8";
      setFlagsFromString("--expose-gc");
      const collect = runInNewContext("gc");
      const heap = () => Number(/\\[heap\\]\\nSize:\\s+(\\d+)/.exec(readFileSync("/proc/self/smaps", "utf8"))[1]);
      const before = heap();
      Array.from({ length: 8 }, () => new Uint8Array(2 << 20).fill(1));
      collect();
      const buffers = Array.from({ length: 32 }, () => new Uint8Array(1 << 20));
      console.log(JSON.stringify({ kb: heap() - before, buffers: buffers.length, native: typeof native }));`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: scaled(20_000),
    });
    assert.deepEqual([status, stderr], [0, ""]);
    const { kb } = JSON.parse(stdout);
    assert.ok(kb < 8000, `malloc's heap grew by ${kb} KB for 32 buffers of 1 MB`);
  });
});
