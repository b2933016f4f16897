// Tests that one packet captured at two interfaces counts once, and that two equal packets count twice.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DuplicateFilter } from "../src/capture/duplicates.ts";
import { parseAddress } from "../src/net/address.ts";
import type { CapturedPacket } from "../src/net/packet.ts";

const packet = (more: Partial<CapturedPacket> = {}): CapturedPacket => ({
  source: parseAddress("10.77.0.2")!,
  destination: parseAddress("10.77.0.1")!,
  sourcePort: 4000,
  port: 7000,
  protocol: 17,
  ttl: 64,
  flags: 0,
  sequence: 0,
  length: 60,
  time: 1_795_000_000.123456,
  ...more,
});

describe("a duplicate", () => {
  it("is the same packet with the same microsecond, any number of times", () => {
    const duplicates = new DuplicateFilter();
    assert.deepEqual(
      [duplicates.has(packet()), duplicates.has(packet()), duplicates.has(packet())],
      [false, true, true],
    );
  });

  const others: Partial<CapturedPacket>[] = [
    { time: 1_795_000_000.123457 },
    { source: parseAddress("10.77.0.3")! },
    { source: parseAddress("fd77::2")! },
    { destination: parseAddress("10.77.0.9")! },
    { sourcePort: 4001 },
    { port: 7001 },
    { protocol: 6 },
  ];
  for (const other of others) {
    it(`does not differ in ${Object.keys(other)}`, () => {
      const duplicates = new DuplicateFilter();
      assert.deepEqual([duplicates.has(packet()), duplicates.has(packet(other))], [false, false]);
    });
  }
});
