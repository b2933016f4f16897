// Tests what the random secret of a new door can never be.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { freePorts, randomSequence } from "../src/sequences/random.ts";
import { formatSequence } from "../src/sequences/sequence.ts";
import { weakness } from "../src/sequences/strength.ts";

describe("a random sequence", () => {
  it("is never weak, has no neighbouring or used ports, and uses one protocol or both", () => {
    const isFree = (_: string, port: number) => port % 2 === 1;
    for (let n = 0; n < 300; n++) {
      const mixed = n % 2 === 1;
      const sequence = randomSequence(3 + (n % 5), mixed, isFree);
      const ports = sequence.map(({ port }) => port);
      const text = formatSequence(sequence);
      assert.equal(sequence.length, 3 + (n % 5));
      assert.equal(weakness(sequence), undefined, text);
      assert.ok(
        ports.every((port) => port >= 1024 && port <= 65535 && port % 2 === 1),
        text,
      );
      const inOrder = [...ports].sort((a, b) => a - b);
      assert.ok(
        inOrder.slice(1).every((port, i) => port - inOrder[i]! >= 10),
        text,
      );
      assert.equal(new Set(sequence.map(({ protocol }) => protocol)).size, mixed ? 2 : 1, text);
      if (!mixed)
        assert.ok(
          sequence.every(({ protocol }) => protocol === "tcp"),
          text,
        );
    }
  });

  it("is drawn again if it ascends or descends, and has no port twice", () => {
    const drawn = [2000, 3000, 4000, 4000, 3000, 2000, 2000, 2000, 2009, 4000, 3000];
    const draws = [...drawn];
    const sequence = randomSequence(
      3,
      false,
      () => true,
      () => draws.shift()!,
    );
    assert.equal(formatSequence(sequence), "2000:tcp,4000:tcp,3000:tcp");
    assert.deepEqual(draws, []);
  });

  it("differs each time", () => {
    const all = Array.from({ length: 100 }, () => formatSequence(randomSequence(3, false, () => true)));
    assert.equal(new Set(all).size, 100);
  });
});

describe("free ports", () => {
  it("are neither ephemeral nor named services", () => {
    const [low, high] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").match(/\d+/g)!.map(Number);
    const isFree = freePorts();
    for (const port of [low!, high!]) assert.equal(isFree("tcp", port) || isFree("udp", port), false, `${port}`);
    const named = /^\S+\s+(\d{4,5})\/tcp/m.exec(
      existsSync("/etc/services") ? readFileSync("/etc/services", "utf8") : "",
    );
    if (named !== null) assert.equal(isFree("tcp", Number(named[1])), false);
  });

  it("may be ephemeral if nearly all ports are", () => {
    assert.equal(freePorts([1024, 65535])("tcp", 20_011), true);
    assert.equal(freePorts([10_000, 60_000])("tcp", 20_011), false);
  });

  it("exclude ports with a listening socket", async () => {
    const server = createServer();
    const socket = createSocket("udp4");
    const free = freePorts();
    const first = Array.from({ length: 1000 }, (_, i) => 20_000 + i);
    const [tcp, udp] = [first.find((port) => free("tcp", port))!, first.find((port) => free("udp", port))!];
    try {
      server.listen(tcp, "127.0.0.1");
      socket.bind(udp, "127.0.0.1");
      await Promise.all([once(server, "listening"), once(socket, "listening")]);
      const now = freePorts();
      assert.deepEqual([now("tcp", tcp), now("udp", udp)], [false, false]);
    } finally {
      server.close();
      socket.close();
    }
  });
});
