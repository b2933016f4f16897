// Tests the records of a batch, as native/decode.h lays them out.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Records } from "../src/capture/records.ts";
import { native } from "../src/platform/native.ts";
import { frame } from "./frame.ts";

const RECORD_BYTES = 56;

/** Writes struct Record at the offsets of native/decode.h, with different bytes in each field. */
function write(buffer: ArrayBuffer, i: number, salt: number) {
  const view = new DataView(buffer, i * RECORD_BYTES, RECORD_BYTES);
  const little = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  const source = { w0: -0x10000000 + salt, w1: -0xf000000, w2: -0xe000000, w3: -0xd000000 };
  const destination = { w0: -0x20000000 + salt, w1: -0x1f000000, w2: -0x1e000000, w3: -0x1d000000 };
  const words = [...Object.values(source), ...Object.values(destination)];
  for (const [at, word] of words.entries()) view.setInt32(at * 4, word, little);
  const rest = { sourcePort: 0xfff0 + salt, port: 0xeee0 + salt, protocol: 6 + salt, flags: 32 + salt, ttl: 64 + salt };
  view.setUint16(32, rest.sourcePort, little);
  view.setUint16(34, rest.port, little);
  view.setUint8(36, rest.protocol);
  view.setUint8(37, rest.flags);
  view.setUint8(38, rest.ttl);
  view.setUint8(39, 0xde); // reserved
  const [sequence, length, time] = [-0x100 + salt, 0xfe00 + salt, 1467827163.25 + salt];
  view.setInt32(40, sequence, little);
  view.setUint32(44, length, little);
  view.setFloat64(48, time, little);
  return { source, destination, ...rest, sequence, length, time };
}

describe("records", () => {
  it("each field is where the addon writes it, in the first record and in the last", () => {
    const records = new Records(3);
    assert.equal(records.buffer.byteLength, 3 * RECORD_BYTES);
    const written = [0, 1, 2].map((i) => write(records.buffer, i, i));
    for (const i of [0, 1, 2, 0]) assert.deepEqual(structuredClone(records.at(i)), written[i]);
  });

  it("one object is reused, so that no packet costs a new one", () => {
    const records = new Records(2);
    write(records.buffer, 0, 1);
    const first = records.at(0);
    const { source, destination } = first;
    assert.equal(records.at(1), first);
    assert.equal(records.at(0).source, source);
    assert.equal(records.at(0).destination, destination);
  });

  it("what the addon writes is read back", () => {
    const records = new Records();
    assert.equal(records.buffer.byteLength, 1024 * RECORD_BYTES);
    const segment = {
      from: "128.0.0.1",
      to: "255.255.255.255",
      protocol: "tcp",
      port: 65535,
      sourcePort: 1,
      ttl: 255,
    } as const;
    assert.ok(native.decode(frame({ ...segment, seq: 0xffffffff, flags: ["urg"] }), 1, records.buffer));
    const { length, time, ...packet } = structuredClone(records.at(0));
    assert.deepEqual([length, time], [0, 0], "decode leaves these to the capture");
    assert.deepEqual(packet, {
      source: { w0: 0, w1: 0, w2: 0xffff, w3: 0x80000001 | 0 },
      destination: { w0: 0, w1: 0, w2: 0xffff, w3: -1 },
      sourcePort: 1,
      port: 65535,
      protocol: 6,
      flags: 32,
      ttl: 255,
      sequence: -1,
    });
  });
});
