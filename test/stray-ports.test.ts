// Tests that a scanner in the middle of a sequence is recognised and ignored, and an honest knocker is not.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Attempts } from "../src/attempts/attempts.ts";
import { StrayPorts, strayBit } from "../src/attempts/stray-ports.ts";
import { MAX_STRAYS } from "../src/config/door.ts";
import { parseConfig } from "../src/config/parse.ts";
import { eventLine } from "../src/log/messages.ts";
import { type Address, formatAddress, parseAddress } from "../src/net/address.ts";
import { toPacket } from "./story.ts";

describe("strays", () => {
  const bitsOf = (ports: readonly number[]) => new Set(ports.map((port) => strayBit([1, 2], port)));
  const row = (from: number, count = MAX_STRAYS) => Array.from({ length: count }, (_, i) => from + i);

  it("have one of 64 bits each; without the key, an attacker does not know which ports share one", () => {
    for (const from of [0, 7040, 0x10000]) assert.equal(bitsOf(row(from)).size, MAX_STRAYS);
    const apart = row(0, 1024).map((i) => 64 * i);
    for (const key of [
      [1, 2],
      [1, 3],
      [-5, 77],
    ] as const) {
      const counts = new Array<number>(64).fill(0);
      for (const port of apart) counts[strayBit(key, port)]! += 1;
      assert.ok(Math.min(...counts) >= 4 && Math.max(...counts) <= 32, `${counts}`);
    }
    assert.notDeepEqual(
      apart.map((port) => strayBit([1, 2], port)),
      apart.map((port) => strayBit([1, 3], port)),
    );
  });

  it("are counted once per port, for each attempt, and a new attempt has none", () => {
    const strays = new StrayPorts(3);
    for (const attempt of [0, 1]) strays.begin(attempt, 64, false);
    for (const bit of [10, 11, 10, 42]) strays.record(1, bit, 64);
    assert.deepEqual([strays.count(0), strays.count(1)], [0, 3]);
    const copy = strays.copy(1);
    strays.begin(1, 64, true);
    assert.deepEqual([strays.count(1), strays.isSilent(1), copy.count(0), copy.isSilent(0)], [0, true, 3, false]);
    strays.record(1, 63, 64);
    assert.deepEqual([strays.count(1), copy.count(0)], [1, 3]);
  });

  it("count if their distance is that of the first knock, or differs by one router", () => {
    const strays = new StrayPorts(1);
    strays.begin(0, 64, false);
    for (const [bit, ttl] of [61, 62, 63, 64, 65, 66, 0, 255].entries()) strays.record(0, bit, ttl);
    assert.equal(strays.count(0), 3);
    strays.knock(0, 65);
    assert.equal(strays.count(0), 3);
    strays.knock(0, 66);
    assert.equal(strays.count(0), 8, "a knock from elsewhere: all count, also those of before");
    strays.begin(0, 66, false);
    assert.equal(strays.count(0), 0);
  });
});

function scene(more: string) {
  const attempts = new Attempts({
    isOurs: (to: Address) => formatAddress(to) === "10.77.0.1",
    isStray: ({ port }) => port !== 443,
    hashKey: [1, 2],
  });
  const { doors } = parseConfig(`[a]\nsequence = 7000,8000,9000\n${more}`, "", () => undefined);
  attempts.setDoors(doors.map((door) => ({ door, targets: undefined })));
  let seq = 0;
  const send = (at: number, port: number, from = "10.77.0.2", protocol: "tcp" | "udp" = "tcp", to = "10.77.0.1") => {
    const segment = { from, to, protocol, port, flags: ["syn"] as const, sourcePort: 40_000, seq: ++seq };
    return attempts.knock(toPacket(segment), at * 1000).map((event) => eventLine(event, formatAddress(event.knocker)));
  };
  const touch = (at: number, from: number, to: number) => {
    const lines: string[] = [];
    for (let port = from; port <= to; port++) lines.push(...send(at, port));
    return lines;
  };
  return { attempts, send, touch };
}

describe("a source in the middle of a sequence", () => {
  it("is ignored for Ban_Time after Max_Strays different stray ports, with one line", () => {
    const { attempts, send, touch } = scene("Ban_Time = 30\nMax_Strays = 4");
    send(0, 7000);
    assert.deepEqual(touch(1, 7001, 7003), []);
    assert.deepEqual(send(1, 7001), [], "the same again");
    assert.deepEqual(send(1, 7004), ["10.77.0.2: scan: 4 other ports touched, ignored for 30 seconds"]);
    assert.equal(attempts.live, 0);
    assert.deepEqual([...touch(2, 7005, 7999), ...send(2, 8000), ...send(3, 7000)], []);
    assert.deepEqual(send(30.9, 7000), []);
    assert.deepEqual(send(31.1, 7000), ["10.77.0.2: a: Stage 1"]);
  });

  it("opens if it has touched fewer, and strays of other sources do not count", () => {
    const { send, touch } = scene("");
    send(0, 7000);
    touch(1, 1, 7);
    send(1, 100, "10.77.0.3");
    send(1, 100, "10.77.0.2", "udp"); // counts for strict doors only
    send(1, 101, "10.77.0.2", "tcp", "10.77.0.9"); // to another host
    for (let i = 0; i < 50; i++) send(1, 443); // a server listens there
    send(2, 8000);
    assert.deepEqual(send(3, 9000), ["10.77.0.2: a: Stage 3", "10.77.0.2: a: OPEN SESAME"]);
  });

  it("may touch any port with Max_Strays = 0, and before and after the sequence", () => {
    const off = scene("Max_Strays = 0");
    off.send(0, 7000);
    assert.deepEqual(off.touch(1, 7001, 7999), []);
    assert.deepEqual(off.send(2, 8000), ["10.77.0.2: a: Stage 2"]);
    const on = scene("");
    on.touch(0, 1, 100);
    assert.deepEqual(on.send(1, 7000), ["10.77.0.2: a: Stage 1"]);
  });

  it("is a scanner for a strict door at the first stray of a protocol that the door uses", () => {
    for (const [sequence, minded] of [
      ["7000,8000", ["tcp"]],
      ["7000:udp,8000:udp", ["udp"]],
      ["7000,8000:udp", ["tcp", "udp"]],
    ] as const) {
      for (const protocol of ["tcp", "udp"] as const) {
        const { send } = scene(`Strict = yes\nBan_Time = 5\nsequence = ${sequence}`);
        send(0, 7000, "10.77.0.2", sequence.startsWith("7000:udp") ? "udp" : "tcp");
        assert.deepEqual(send(1, 443, "10.77.0.2", protocol), []);
        const line = "10.77.0.2: scan: 1 other port touched, ignored for 5 seconds";
        const isMinded = (minded as readonly string[]).includes(protocol);
        assert.deepEqual(send(1, 1, "10.77.0.2", protocol), isMinded ? [line] : [], `${sequence}, ${protocol}`);
      }
    }
  });

  it("is ignored only by doors that count strays", () => {
    const { send, touch } = scene("[b]\nsequence = 7000,8001\nMax_Strays = 0\n");
    send(0, 7000);
    assert.equal(touch(1, 1, 8).length, 1);
    assert.deepEqual(send(2, 8001), ["10.77.0.2: b: Stage 2", "10.77.0.2: b: OPEN SESAME"]);
    assert.deepEqual(send(3, 7000), ["10.77.0.2: b: Stage 1"]);
  });

  it("is ignored by each door for its own Ban_Time, and by a strict one sooner", () => {
    const more =
      "Ban_Time = 5\n[b]\nsequence = 7000,8001,9001\nMax_Strays = 2\nBan_Time = 600\n[c]\nsequence = 7000,8002\nStrict = yes\n";
    const { send, touch } = scene(more);
    send(0, 7000);
    assert.deepEqual(touch(1, 1, 1), ["10.77.0.2: scan: 1 other port touched, ignored for 60 seconds"]);
    assert.equal(touch(1, 2, 8).length, 2);
    assert.deepEqual(send(2, 7000), []);
    assert.deepEqual(send(7, 7000), ["10.77.0.2: a: Stage 1"]);
  });

  it("has its strays counted for each attempt, from its beginning", () => {
    const { send, touch } = scene("Max_Strays = 0\n[b]\nsequence = 7100,7200\n");
    send(0, 7000);
    assert.deepEqual(touch(1, 1, 64), []);
    send(2, 7000);
    send(2, 7100);
    assert.deepEqual(touch(3, 1, 7), []);
    assert.deepEqual(send(4, 7200), ["10.77.0.2: b: Stage 2", "10.77.0.2: b: OPEN SESAME"]);
  });

  it("is held for 5 ms if it is complete before any other packet was seen, which reveals a scan", () => {
    for (const isScan of [true, false]) {
      const { attempts, send, touch } = scene("");
      for (const [i, port] of [7000, 8000].entries()) send(i / 1000, port);
      assert.deepEqual(send(0.012, 9000), ["10.77.0.2: a: Stage 3"]);
      assert.deepEqual([attempts.live, attempts.isUrgent, attempts.deadline], [1, true, 17]);
      assert.deepEqual(attempts.expire(16), []);
      const lines = isScan ? ["10.77.0.2: scan: 8 other ports touched, ignored for 60 seconds"] : [];
      assert.deepEqual(touch(0.0165, 9001, isScan ? 9008 : 9007), lines);
      const events = attempts.expire(17).map((event) => eventLine(event, "WHO"));
      assert.deepEqual(events, isScan ? [] : ["WHO: a: OPEN SESAME"]);
      assert.deepEqual([attempts.live, attempts.isUrgent], [0, false]);
      assert.equal(send(1, 7000).length, isScan ? 0 : 1);
    }
  });

  it("is not held after 25 ms, nor at a door that ignores strays, nor because another source is fast", () => {
    for (const [more, at] of [
      ["", 0.025],
      ["Max_Strays = 0", 0.001],
    ] as const) {
      const { send } = scene(more);
      for (const port of [7000, 8000, 9000]) send(0.001, port, "10.77.0.3");
      send(0, 7000);
      send(0, 8000);
      assert.deepEqual(send(at, 9000), ["10.77.0.2: a: Stage 3", "10.77.0.2: a: OPEN SESAME"]);
    }
  });

  it("is not affected by bans of other sources", () => {
    const { send, touch } = scene("");
    send(0, 7000);
    touch(1, 1, 8);
    const from = formatAddress(parseAddress("10.77.0.3")!);
    for (const port of [7000, 8000]) send(2, port, from);
    assert.deepEqual(send(3, 9000, from), ["10.77.0.3: a: Stage 3", "10.77.0.3: a: OPEN SESAME"]);
  });
});

describe("Seq_Cooldown", () => {
  it("lets a door open once in that time for a source; other sources and doors do not wait", () => {
    const { send } = scene("[one]\nsequence = 5000:udp\nSeq_Cooldown = 10\n[two]\nsequence = 5001:udp\n");
    const knock = (at: number, port: number, from?: string) => send(at, port, from, "udp").length;
    assert.deepEqual([knock(0, 5000), knock(0, 5000), knock(9.9, 5000)], [2, 0, 0]);
    assert.deepEqual([knock(5, 5000, "10.77.0.3"), knock(5, 5001), knock(5.1, 5001)], [2, 2, 2]);
    assert.equal(knock(10.1, 5000), 2);
  });
});
