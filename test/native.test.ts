// Tests the addon's class: the arguments of each call, in every state of a handle. How handles end:
// native-life.test.ts. Savefiles: savefile.test.ts. Packets of a live interface: live/capture.test.ts.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Assembler } from "../src/capture/bpf/assembler.ts";
import { Records } from "../src/capture/records.ts";
import { type NativeCapture, native } from "../src/platform/native.ts";
import { frame } from "./frame.ts";
import { needsRoot } from "./live/wire.ts";
import { pcapFile } from "./pcap-file.ts";

const { Capture } = native;
const RETURN = 0x06;
const program = (k: number) => new Assembler().op(RETURN, k).assemble()!;
const [ALL, NONE] = [program(0x40000), program(0)];
const records = new Records();
const LO = { device: "lo", snapLength: 256, bufferSize: 1 << 20 };

const knock = (port: number) => frame({ from: "10.77.0.2", to: "10.77.0.1", protocol: "udp", port });

let dir = "";
before(() => {
  dir = mkdtempSync(join(tmpdir(), "native-"));
});
after(() => rmSync(dir, { recursive: true, force: true }));

let files = 0;
function written(bytes: Buffer): string {
  const path = join(dir, `${++files}.pcap`);
  writeFileSync(path, bytes);
  return path;
}

describe("a call with wrong arguments throws and does not crash", () => {
  const none = undefined as never;
  const bytes = new Uint8Array(8);
  const detached = () => {
    const buffer = new ArrayBuffer(5600);
    structuredClone(buffer, { transfer: [buffer] });
    return buffer;
  };
  const opened = () => new Capture({ savefile: written(pcapFile(1, [knock(1)])) });
  const call = (use: (capture: NativeCapture) => void) => () => {
    const capture = opened();
    use(capture);
    capture.close();
  };
  const unbound = (name: keyof NativeCapture) => Object.getOwnPropertyDescriptor(Capture.prototype, name)!;

  for (const [title, action, type] of [
    ["new Capture()", () => new Capture(none), TypeError],
    ["new Capture of a text", () => new Capture("lo" as never), TypeError],
    ["new Capture of null", () => new Capture(null as never), TypeError],
    ["new Capture of nothing in particular", () => new Capture({} as never), TypeError],
    ["a device that is a number", () => new Capture({ ...LO, device: 7 as never }), TypeError],
    ["a device with no snap length", () => new Capture({ ...LO, snapLength: none }), TypeError],
    ["a ring whose size is a text", () => new Capture({ ...LO, bufferSize: "8M" as never }), TypeError],
    ["a savefile that is a symbol", () => new Capture({ savefile: Symbol("x") as never }), TypeError],
    ["Capture without new", () => (Capture as unknown as () => void)(), TypeError],
    ["setFilter()", call((it) => it.setFilter(none)), TypeError],
    ["setFilter of a text", call((it) => it.setFilter("tcp" as never)), TypeError],
    ["setFilter of other numbers", call((it) => it.setFilter(new Float64Array(2) as never)), TypeError],
    ["setFilter of an empty program", call((it) => it.setFilter(new Uint8Array(0))), TypeError],
    ["setFilter of a program and a half", call((it) => it.setFilter(new Uint8Array(12))), TypeError],
    ["setFilter of no program", call((it) => it.setFilter(new Uint8Array(8).fill(255))), Error],
    ["setFilter of a program with no end", call((it) => it.setFilter(bytes)), Error],
    ["read()", call((it) => it.read(none)), TypeError],
    ["read into a typed array", call((it) => it.read(new Uint8Array(560) as never)), TypeError],
    ["read into a buffer for no record", call((it) => it.read(new ArrayBuffer(55))), RangeError],
    ["read into a buffer that is gone", call((it) => it.read(detached())), RangeError],
    ["matches()", () => Capture.matches(none, none), TypeError],
    ["matches a text", () => Capture.matches(ALL, "frame" as never), TypeError],
    ["matches with no program", () => Capture.matches(bytes, bytes), Error],
    ["decode()", () => native.decode(none, none, none), TypeError],
    ["decode of words", () => native.decode(new Uint32Array(9) as never, 1, records.buffer), TypeError],
    ["decode with a link type by name", () => native.decode(bytes, "EN10MB" as never, records.buffer), TypeError],
    ["decode into a typed array", () => native.decode(bytes, 1, bytes as never), TypeError],
    ["decode into a buffer for no record", () => native.decode(bytes, 1, new ArrayBuffer(55)), RangeError],
    ["a method of another object", () => unbound("read").value.call({}, records.buffer), TypeError],
    ["the link type of another object", () => unbound("linkType").get!.call({}), Error],
    ["LinkWatch()", () => new native.LinkWatch(none, false), TypeError],
  ] as [string, () => unknown, ErrorConstructor][]) {
    it(title, () => {
      assert.throws(action, (error) => error instanceof type && (type === Error || error.constructor === type));
    });
  }

  it("matches agrees with the program, even for an empty frame", () => {
    assert.equal(Capture.matches(ALL, knock(1)), true);
    assert.equal(Capture.matches(NONE, knock(1)), false);
    assert.equal(Capture.matches(ALL, new Uint8Array(0)), true);
  });
});

describe("each call in each state of a handle", { skip: needsRoot }, () => {
  // Nothing is sent: the filter drops whatever else happens on lo.
  const made: NativeCapture[] = [];
  const live = () => {
    const capture = new Capture(LO);
    made.push(capture);
    capture.setFilter(NONE);
    return capture;
  };
  // Otherwise they would keep the process from ending after a failure.
  after(() => {
    for (const capture of made) capture.close();
  });
  const started = () => {
    const capture = live();
    capture.start(() => {});
    return capture;
  };
  const did = (capture: NativeCapture, ...calls: ("stop" | "close")[]) => {
    for (const name of calls) capture[name]();
    return capture;
  };
  const STATES: Record<string, () => NativeCapture> = {
    opened: live,
    started,
    stopped: () => did(started(), "stop"),
    "a savefile": () => new Capture({ savefile: written(pcapFile(1, [knock(1)])) }),
    closed: () => did(live(), "close"),
    "closed while started": () => did(started(), "close"),
    "closed savefile": () => did(new Capture({ savefile: written(pcapFile(1, [knock(1)])) }), "close"),
  };
  const CALLS: Record<string, (capture: NativeCapture) => unknown> = {
    linkType: (it) => it.linkType,
    setFilter: (it) => it.setFilter(NONE),
    start: (it) => it.start(() => {}),
    stop: (it) => it.stop(),
    read: (it) => it.read(records.buffer),
    stats: (it) => Object.keys(it.stats()).join(),
    heldFilter: (it) => it.heldFilter().length,
    close: (it) => it.close(),
  };
  const closed = /^Error: capture is closed$/;
  const allClosed = {
    linkType: closed,
    setFilter: closed,
    start: closed,
    stop: closed,
    read: closed,
    stats: closed,
    heldFilter: closed,
  };
  const open = { linkType: 1, read: -1, stats: "received,dropped,read", heldFilter: 8 };
  const EXPECTED: Record<string, Record<string, unknown>> = {
    opened: open,
    started: { ...open, start: /^Error: capture is already started$/ },
    stopped: open,
    "a savefile": {
      linkType: 1,
      start: /^Error: a savefile is always readable$/,
      read: 1,
      heldFilter: 0,
      stats: /^Error: Statistics aren't available from savefiles$/,
    },
    closed: allClosed,
    "closed while started": allClosed,
    "closed savefile": allClosed,
  };
  for (const [state, make] of Object.entries(STATES)) {
    it(state, () => {
      for (const [name, call] of Object.entries(CALLS)) {
        const expected = EXPECTED[state]![name];
        const capture = make();
        if (expected instanceof RegExp) assert.throws(() => call(capture), expected, name);
        else assert.equal(call(capture), expected, name);
        capture.close();
        capture.close();
        assert.throws(() => capture.linkType, closed);
      }
    });
  }

  it("start, stop and start again, without a pause", () => {
    const capture = started();
    for (let i = 0; i < 3; i++) {
      capture.stop();
      capture.stop();
      capture.start(() => {});
    }
    capture.stop();
    for (const wrong of [undefined, null, {}, "f"]) {
      assert.throws(() => capture.start(wrong as never), /^TypeError: start takes a function$/);
    }
    capture.start(() => {});
    capture.close();
  });

  it("a missing device is refused with libpcap's message", () => {
    const message = /^Error: nope: No such device exists/;
    assert.throws(() => new Capture({ ...LO, device: "nope" }), message);
    assert.throws(() => new Capture({ ...LO, device: "" }), Error);
    assert.throws(() => new Capture({ ...LO, device: "x".repeat(5000) }), Error);
  });

  it("a program that the kernel refuses throws", () => {
    const capture = live();
    const out = new Uint8Array(8 * 5000);
    for (let i = 0; i < 5000; i++) out.set(NONE, i * 8);
    assert.throws(() => capture.setFilter(out), /^Error: the kernel did not take the packet filter$/);
    capture.setFilter(out.subarray(0, 8 * 4096));
    assert.deepEqual(capture.stats().dropped, 0);
    capture.close();
  });
});
