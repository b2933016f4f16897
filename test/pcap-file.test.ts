// Tests what the addon reads from capture files.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Assembler } from "../src/capture/bpf/assembler.ts";
import { Records } from "../src/capture/records.ts";
import { native } from "../src/platform/native.ts";
import { corpus } from "./decode-corpus.ts";
import { frame } from "./frame.ts";
import { type Order, pcapFile } from "./pcap-file.ts";
import { savedCorpus } from "./saved-corpus.ts";

const { Capture } = native;
const RETURN = 0x06;
const records = new Records();

const knock = (port: number) => frame({ from: "10.77.0.2", to: "10.77.0.1", protocol: "udp", port });
const NO_KNOCK = frame({ from: "10.77.0.2", to: "10.77.0.1", protocol: 1, port: 0 });

let dir = "";
before(() => {
  dir = mkdtempSync(join(tmpdir(), "savefile-"));
});
after(() => rmSync(dir, { recursive: true, force: true }));

let files = 0;
function written(bytes: Buffer): string {
  const path = join(dir, `${++files}.pcap`);
  writeFileSync(path, bytes);
  return path;
}

const open = (network: number, frames: readonly Buffer[], order?: Order) =>
  new Capture({ savefile: written(pcapFile(network, frames, order)) });

describe("a savefile", () => {
  // LINKTYPE_ in the file → DLT_ of the handle. Only raw IP differs.
  for (const [network, linkType] of [
    [0, 0],
    [1, 1],
    [101, 12],
    [108, 108],
    [113, 113],
    [276, 276],
    [9, 9],
    [50, 50],
    [51, 51],
    [204, 204],
    [228, 228],
    [229, 229],
  ] as const) {
    it(`of link type ${network} yields every knock`, () => {
      const frames = [...corpus(), ...savedCorpus()].filter((one) => one.linkType === linkType);
      assert.ok(frames.length > 5);
      const capture = open(
        network,
        frames.map(({ bytes }) => bytes),
      );
      assert.equal(capture.linkType, linkType);
      assert.equal(capture.read(records.buffer), frames.length);
      for (const [i, { segment, title }] of frames.entries()) {
        const { port, sourcePort, protocol, length, time } = records.at(i);
        assert.deepEqual([port, sourcePort], [segment.port, segment.sourcePort], title);
        assert.equal(protocol, segment.protocol === "tcp" ? 6 : 17);
        assert.deepEqual([length, time], [3000, 1467827163.25 + i]);
      }
      assert.equal(capture.read(records.buffer), -1);
      capture.close();
    });
  }

  for (const [title, order] of [
    ["big-endian", { big: true }],
    ["nanoseconds", { magic: 0xa1b23c4d }],
  ] as [string, Order][]) {
    it(`${title}: the times are equal`, () => {
      const capture = open(1, [knock(1), knock(2)], order);
      assert.equal(capture.read(records.buffer), 2);
      assert.deepEqual([records.at(0).time, records.at(1).time], [1467827163.25, 1467827164.25]);
      capture.close();
    });
  }

  it("is read in batches of as many frames as there are records, and ends with -1", () => {
    const frames = [knock(1), knock(2), NO_KNOCK, knock(3), NO_KNOCK, NO_KNOCK, knock(4)];
    const capture = open(1, frames);
    const two = new Records(2);
    const batches: number[][] = [];
    for (let count = 0; batches.length < 10; ) {
      count = capture.read(two.buffer);
      if (count < 0) break;
      batches.push(Array.from({ length: count }, (_, i) => two.at(i).port));
    }
    assert.deepEqual(batches, [[1, 2], [3], [], [4]]);
    assert.equal(capture.read(two.buffer), -1);
    capture.close();
  });

  it("can be filtered", () => {
    for (const [accepted, count] of [
      [0x40000, 2],
      [0, -1],
    ] as const) {
      const capture = open(1, [knock(1), knock(2)]);
      capture.setFilter(new Assembler().op(RETURN, accepted).assemble()!);
      assert.equal(capture.read(records.buffer), count);
      capture.close();
    }
  });

  it("that is truncated yields the packets before, and then reports the damage each time", () => {
    const whole = pcapFile(1, [knock(1), knock(2), knock(3)]);
    const capture = new Capture({ savefile: written(whole.subarray(0, -1)) });
    assert.equal(capture.read(records.buffer), 2);
    for (let i = 0; i < 2; i++) assert.throws(() => capture.read(records.buffer), /^Error: truncated dump file/);
    capture.close();
  });

  for (const [title, write, message] of [
    ["does not exist", () => join(dir, "none"), /No such file or directory/],
    ["is a directory", () => dir, /[Dd]irectory/],
    ["is empty", () => written(Buffer.alloc(0)), /truncated dump file/],
    ["is text", () => written(Buffer.from("[options]\n  UseSyslog\n[door]\n")), /unknown file format/],
  ] as [string, () => string, RegExp][]) {
    it(`that ${title} is refused with libpcap's message`, () => {
      assert.throws(() => new Capture({ savefile: write() }), message);
    });
  }
});
