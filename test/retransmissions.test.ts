import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fingerprint, Retransmissions } from "../src/attempts/retransmissions.ts";
import { parseAddress } from "../src/net/address.ts";
import type { Packet } from "../src/net/packet.ts";

const packet: Packet = {
  source: parseAddress("10.77.0.2")!,
  destination: parseAddress("10.77.0.1")!,
  sourcePort: 40_000,
  port: 7000,
  protocol: 6,
  ttl: 64,
  flags: 2,
  sequence: 123_456,
};

describe("the memory of retransmissions", () => {
  it("recognises a segment by its ports, its sequence number and its flags", () => {
    const print = fingerprint(packet);
    assert.equal(fingerprint({ ...packet }), print);
    for (const other of [{ sourcePort: 40_001 }, { port: 7001 }, { sequence: 123_457 }, { flags: 18 }]) {
      assert.notEqual(fingerprint({ ...packet, ...other }), print, JSON.stringify(other));
    }
    assert.ok(print !== 0 && print === (print | 0));
  });

  it("distinguishes 100,000 segments of one source, except for collisions of a 32-bit hash", () => {
    const prints = new Set<number>();
    for (let n = 0; n < 100_000; n++) {
      prints.add(fingerprint({ ...packet, sourcePort: 1024 + (n % 60_000), sequence: n * 7919 }));
    }
    assert.ok(prints.size > 99_990, `${prints.size}`);
  });

  it("remembers for as long as Linux retransmits a SYN, 63 seconds, but not for ever", () => {
    const memory = new Retransmissions();
    assert.equal(memory.find(1, 2, 0) >= 0, false);
    memory.remember(1, 2, 1000);
    assert.equal(memory.find(1, 2, 64_000) >= 0, true);
    assert.equal(memory.find(2, 2, 1000) >= 0, false);
    assert.equal(memory.find(1, 3, 1000) >= 0, false);
    assert.equal(memory.find(1, 2, 90_000) >= 0, false);
    memory.remember(5, 5, 90_000);
    assert.equal(memory.find(1, 2, 90_000) >= 0, false);
    assert.equal(memory.find(1, 2, 1000 + 2 ** 32) >= 0, false);
  });

  it("finds each of the newest 8,192 of one source, however many share a place in the index, and no older one", () => {
    const memory = new Retransmissions();
    const [count, kept] = [20_000, 8192];
    const print = (n: number) => Math.imul(n + 1, 0x9e3779b1) | 1;
    for (let n = 0; n < count; n++) memory.remember(99, print(n), 10);
    const found = (n: number) => memory.find(99, print(n), 20) >= 0;
    const all = Array.from({ length: count }, (_, n) => found(n));
    assert.equal(all.slice(count - kept).filter((is) => !is).length, 0);
    assert.equal(all.slice(0, count - kept).filter((is) => is).length, 0);
  });

  it("is not displaced by a flood while it still counts", () => {
    const memory = new Retransmissions();
    memory.remember(77, 77, 0);
    for (let n = 1; n < 1_000_000; n++) memory.rememberIfFree(n * 7919, n, 10);
    assert.equal(memory.find(77, 77, 20) >= 0, true);
    for (let n = 1; n < 1_000_000; n++) memory.rememberIfFree(n * 7919, n, 100_000);
    assert.equal(memory.find(77, 77, 100_000) >= 0, false);
  });
});
