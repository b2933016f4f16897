// Tests the state machine with codes: packets in, events out.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Attempts } from "../src/attempts/attempts.ts";
import { blockSize, type Client } from "../src/codes/client.ts";
import { ClientStates } from "../src/codes/client-states.ts";
import { portsOf } from "../src/codes/derive.ts";
import { codeOf, placesOf } from "../src/codes/valid-codes.ts";
import { DEFAULT_POLICY, type Door, type Policy } from "../src/config/door.ts";
import type { KnockEvent } from "../src/events/knock-event.ts";
import { PacketHistory } from "../src/history/packet-history.ts";
import { eventLine } from "../src/log/messages.ts";
import { formatAddress, parseAddress } from "../src/net/address.ts";
import { TCP, UDP } from "../src/net/packet.ts";
import { parseSequence } from "../src/sequences/sequence.ts";
import { clientOf, NOON, WINDOW } from "./code-group.ts";
import { doorOf } from "./door.ts";

const [PHONE, SNIFFER] = ["10.77.0.2", "10.77.0.9"];
const phone = clientOf();

interface SceneOptions {
  readonly clients?: readonly Client[];
  readonly policy?: Partial<Policy>;
  readonly door?: Partial<Door>;
  readonly states?: ClientStates;
}

/** A daemon's attempts, with a clock that the test sets, in milliseconds since NOON. */
class Scene {
  now = 0;
  /** That of the packets. */
  ttl = 64;
  readonly lines: string[] = [];
  readonly opened: string[] = [];
  readonly used: boolean[] = [];
  readonly history = new PacketHistory();
  readonly attempts: Attempts;
  readonly states: ClientStates;
  readonly #options: SceneOptions;
  #sent = 0;

  constructor(options: SceneOptions = {}) {
    this.#options = options;
    this.states = options.states ?? new ClientStates();
    this.attempts = new Attempts({
      isOurs: () => true,
      isStray: () => true,
      hashKey: [1, 2],
      observer: this.history,
      wallClock: () => NOON + this.now,
      onCode: (isUsed) => this.used.push(isUsed),
    });
    this.setClients(options.clients ?? [phone]);
  }

  setClients(clients: readonly Client[]): void {
    const policy = { ...DEFAULT_POLICY, ...this.#options.policy };
    const door = doorOf({ name: "openSSH", sequence: [], seqTimeout: 10, ...this.#options.door, clients, policy });
    this.attempts.setDoors([{ door, targets: undefined }], this.states);
    this.history.setDoors([{ door, targets: undefined }], this.now);
  }

  get last(): string | undefined {
    return this.lines.at(-1);
  }

  /** A code of a client's device. */
  ports(client = phone, later = 0, address?: string): number[] {
    const counter = client.kind === "list" ? later : WINDOW + Math.floor(this.now / 30_000) + later;
    return portsOf(client.blocks, placesOf(client, counter, address));
  }

  wrong(client = phone): number[] {
    const right = this.ports(client);
    return right.map((port, i) => client.blocks[i]! + ((port - client.blocks[i]! + 50) % blockSize(client)));
  }

  knock(ports: readonly number[], from = PHONE, protocol: "tcp" | "udp" = "tcp", flags = 2): void {
    for (const port of ports) {
      this.#take(
        this.attempts.knock(
          {
            source: parseAddress(from)!,
            destination: parseAddress(from.includes(":") ? "fd77::1" : "10.77.0.1")!,
            ...{ sourcePort: 40_000 + (this.#sent++ % 20_000), port, ttl: this.ttl },
            ...(protocol === "tcp"
              ? { protocol: TCP, flags, sequence: 7919 * this.#sent }
              : { protocol: UDP, flags: 0, sequence: 0 }),
          },
          this.now,
        ),
      );
      this.now += 10;
    }
  }

  pass(ms: number): void {
    this.now += ms;
    this.#take(this.attempts.expire(this.now));
  }

  #take(events: readonly KnockEvent[]): void {
    for (const event of events) {
      this.lines.push(eventLine(event, formatAddress(event.knocker)));
      if (event.type === "open") this.opened.push(`${formatAddress(event.knocker)} ${event.client}`);
    }
  }
}

describe("a code", () => {
  it("opens the door after Code_Hold, and logs 0.8's lines and one of its own", () => {
    const scene = new Scene();
    scene.knock(scene.ports());
    assert.deepEqual(scene.opened, []);
    assert.ok(scene.attempts.isUrgent);
    scene.pass(239);
    assert.deepEqual(scene.opened, []);
    scene.pass(1);
    assert.deepEqual(scene.lines, [
      "10.77.0.2: openSSH: Stage 1",
      "10.77.0.2: openSSH: Stage 2",
      "10.77.0.2: openSSH: Stage 3",
      "10.77.0.2: openSSH: code of phone accepted",
      "10.77.0.2: openSSH: OPEN SESAME",
    ]);
    assert.deepEqual(scene.opened, ["10.77.0.2 phone"]);
    assert.deepEqual(scene.used, [true]);
    assert.equal(scene.states.of(phone).openings, 1);
    assert.equal(scene.attempts.live, 0);
  });

  it("counts in any order, with repeated knocks, and with a port that is changed", () => {
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ] as const;
    for (const order of orders) {
      const scene = new Scene();
      const ports = scene.ports();
      const wrong = scene.wrong();
      const [a, b, c] = order;
      scene.knock([ports[a]!, ports[a]!, wrong[b]!, ports[b]!, ports[a]!, ports[c]!]);
      scene.pass(250);
      assert.deepEqual(scene.opened, ["10.77.0.2 phone"], `${order}`);
      assert.equal(scene.lines.length, 5);
    }
  });

  it("does not reveal that two of three ports were right", () => {
    const scene = new Scene();
    const [a, b, c] = scene.ports() as [number, number, number];
    const wrong = scene.wrong()[2]!;
    scene.knock([a, b, wrong]);
    assert.equal(scene.last, "10.77.0.2: openSSH: wrong code for phone (1 of 10 today)");
    assert.equal(scene.attempts.live, 0, "the right two are forgotten");
    scene.knock([c]);
    assert.equal(scene.last, "10.77.0.2: openSSH: Stage 1");
  });

  it("may use UDP, IPv6, and other flags if the door says so", () => {
    const udp = new Scene({ clients: [clientOf({ protocol: "udp" })] });
    udp.knock(udp.ports());
    assert.equal(udp.lines.length, 0);
    udp.knock(udp.ports(), PHONE, "udp");
    udp.pass(250);
    assert.equal(udp.opened.length, 1);
    const six = new Scene();
    six.knock(six.ports(), "fd77::2");
    six.pass(250);
    assert.deepEqual(six.opened, ["fd77::2 phone"]);
    const acks = new Scene();
    acks.knock(acks.ports(), PHONE, "tcp", 0x10);
    assert.deepEqual(acks.lines, [], "a SYN by default");
    const flags = new Scene({ door: { tcpFlags: { set: 0x10, clear: 0 } } });
    flags.knock(flags.ports(), PHONE, "tcp", 0x10);
    assert.equal(flags.lines.length, 3);
  });

  it("times out after Seq_Timeout, and may then begin again", () => {
    const scene = new Scene();
    const [a, b, c] = scene.ports() as [number, number, number];
    scene.knock([a, b]);
    scene.pass(10_000);
    assert.equal(scene.last, "10.77.0.2: openSSH: sequence timeout (stage 2)");
    scene.knock([c, a]);
    scene.now += 10_000; // the timer is late
    scene.knock(scene.ports());
    assert.deepEqual(scene.lines.slice(-5), [
      "10.77.0.2: openSSH: Stage 2",
      "10.77.0.2: openSSH: sequence timeout (stage 2)",
      ...[1, 2, 3].map((stage) => `10.77.0.2: openSSH: Stage ${stage}`),
    ]);
  });

  it("does not affect a sequence of the same source, and vice versa", () => {
    const scene = new Scene({ door: { sequence: parseSequence("7000,8000,9000") } });
    const [a, b, c] = scene.ports() as [number, number, number];
    scene.knock([7000, a, 8000, b, 9000, c]);
    scene.pass(250);
    assert.deepEqual(scene.opened, ["10.77.0.2 undefined", "10.77.0.2 phone"]);
  });

  it("begins nothing when the client's system retransmits it", () => {
    const scene = new Scene();
    const ports = scene.ports();
    scene.knock(ports);
    scene.pass(250);
    const lines = scene.lines.length;
    // The same segments a second later: source port and sequence number as before.
    const again = new Scene();
    const packets = ports.map((port, i) => ({
      source: parseAddress(PHONE)!,
      destination: parseAddress("10.77.0.1")!,
      ...{ sourcePort: 40_000 + i, port, protocol: TCP, flags: 2, ttl: 64, sequence: 1000 + 77_777 * i },
    }));
    for (const packet of packets) again.attempts.knock(packet, (again.now += 10));
    for (const packet of packets) assert.deepEqual(again.attempts.knock(packet, again.now + 1000), []);
    assert.equal(again.attempts.live, 1, "the opening that is held");
    assert.equal(lines, 5);
  });
});

describe("a replay", () => {
  it("from another source is refused, naming both, but the same address may repeat its code", () => {
    const scene = new Scene();
    const ports = scene.ports();
    scene.knock(ports);
    scene.pass(250);
    scene.knock(ports, SNIFFER);
    assert.equal(scene.last, "10.77.0.9: openSSH: code of phone was already used by 10.77.0.2: replay");
    const lines = scene.lines.length;
    scene.knock(ports);
    scene.pass(250);
    assert.equal(scene.lines.length, lines + 3, "three stages and nothing else");
    assert.equal(scene.opened.length, 1);
  });

  it("at the same time lets neither in, from 200 ms before the client to 200 ms after it", () => {
    for (let lead = -200; lead <= 200; lead += 5) {
      const scene = new Scene();
      const ports = scene.ports();
      const knocks = ports.flatMap((port, i) => [
        { at: 500 + 200 * i, from: PHONE, port },
        { at: 500 + 200 * i + lead, from: SNIFFER, port },
      ]);
      for (const { at, from, port } of knocks.sort((a, b) => a.at - b.at)) {
        scene.pass(Math.max(0, at - scene.now));
        scene.now = at;
        scene.knock([port], from);
      }
      scene.pass(1000);
      assert.deepEqual(scene.opened, [], `${lead} ms`);
      assert.match(scene.lines.at(-1)!, /code of phone is also claimed by 10\.77\.0\.[29]: refused$/, `${lead} ms`);
    }
  });

  it("of a bound key is a wrong code, and the client gets in without a hold", () => {
    const key = clientOf({ kind: "key", name: "laptop", bind: true });
    const scene = new Scene({ clients: [key] });
    const ports = scene.ports(key, 0, PHONE);
    scene.knock(ports);
    scene.pass(5);
    assert.deepEqual(scene.opened, ["10.77.0.2 laptop"]);
    scene.knock(ports, SNIFFER);
    assert.equal(scene.last, "10.77.0.9: openSSH: wrong code for laptop (1 of 1000 today)");
  });
});

describe("wrong codes", () => {
  it("of a source ban it after three, and one more try counts silently", () => {
    const scene = new Scene();
    for (let i = 0; i < 3; i++) scene.knock(scene.wrong(), SNIFFER);
    assert.equal(scene.last, "10.77.0.9: openSSH: wrong code for phone (3 of 10 today), ignored for 60 seconds");
    const lines = scene.lines.length;
    scene.knock(scene.wrong(), SNIFFER);
    scene.knock(scene.ports(), SNIFFER);
    assert.equal(scene.lines.length, lines, "the one try was wrong");
    scene.pass(300);
    assert.deepEqual(scene.opened, []);
    scene.knock(scene.ports(phone, 1));
    scene.pass(250);
    assert.deepEqual(scene.opened, ["10.77.0.2 phone"], "nobody else is banned");
  });

  it("with a client's forged address do not keep its right code out", () => {
    const scene = new Scene();
    for (let i = 0; i < 3; i++) scene.knock(scene.wrong(), PHONE);
    scene.knock(scene.ports(), PHONE);
    scene.pass(250);
    assert.deepEqual(scene.opened, ["10.77.0.2 phone"]);
    scene.now += 30_000;
    scene.knock(scene.ports(), PHONE);
    scene.pass(250);
    assert.equal(scene.opened.length, 2, "and it is banned no longer");
  });

  it("that were not checked, because of a flood at a bound key, ban no source", () => {
    const bound = clientOf({ kind: "key", bind: true });
    const scene = new Scene({ clients: [bound], policy: { maxGuesses: 0 } });
    for (let i = 0; i < 2500; i++) {
      scene.now = 0;
      scene.knock(scene.wrong(bound), `198.18.${i >> 8}.${i & 255}`);
    }
    for (let i = 0; i < 4; i++) {
      scene.now = 0;
      scene.knock(scene.ports(bound, 0, PHONE));
      assert.equal(scene.last, "10.77.0.2: openSSH: code for phone not checked: too many codes at once");
    }
    assert.equal(scene.history.of(parseAddress(PHONE)!).at(-1)?.kind, "busy");
    scene.now = 1000;
    scene.knock(scene.ports(bound, 0, PHONE));
    assert.deepEqual(scene.opened, ["10.77.0.2 phone"]);
  });

  it("from one IPv6 network count as those of one source", () => {
    const scene = new Scene();
    for (let i = 0; i < 3; i++) scene.knock(scene.wrong(), `2001:db8:0:${i}::${i}`);
    assert.match(scene.last!, /ignored for 60 seconds$/);
    scene.knock(scene.wrong(), "2001:db8:0:ff::1");
    scene.knock(scene.wrong(), "2001:db8:0:fe::1");
    assert.match(scene.last!, /ignored for 60 seconds$/, "as before: the try and what follows are silent");
    scene.knock(scene.wrong(), "2001:db8:0:100::1");
    assert.match(scene.last!, /\(5 of 10 today\)$/);
  });

  it("from many sources make two right codes in a row necessary", () => {
    const scene = new Scene();
    for (let i = 0; i < 11; i++) scene.knock(scene.wrong(), `198.51.100.${i}`);
    scene.knock(scene.ports());
    assert.equal(scene.last, "10.77.0.2: openSSH: code of phone is right, and the next one is needed too");
    scene.now += 30_000;
    scene.knock(scene.ports());
    scene.pass(250);
    assert.deepEqual(scene.opened, ["10.77.0.2 phone"]);
  });

  it("are never logged with a port or digit", () => {
    const scene = new Scene();
    const secret = [...scene.ports(), ...scene.wrong()].map((port) => String(port % 100).padStart(2, "0"));
    scene.knock(scene.wrong());
    scene.knock(scene.ports());
    const text = scene.lines.join("\n").replaceAll(/10\.77\.0\.\d+|Stage \d|\d+ of \d+/g, "");
    for (const digits of secret) assert.ok(!text.includes(digits), text);
    assert.ok(!text.includes(String(codeOf(phone, WINDOW))));
  });
});

describe("a scan", () => {
  it("is recognised by its strays of another TTL, if a later knock has that TTL too", () => {
    const scene = new Scene();
    const [first, second] = scene.ports() as [number, number];
    scene.knock([first]);
    scene.ttl = 40;
    scene.knock([10, 11, 12, 13, 14, 15, 16, 17]);
    assert.doesNotMatch(scene.lines.join("\n"), /scan/, "they may be forged");
    scene.knock([second]);
    assert.equal(scene.last, "10.77.0.2: scan: 8 other ports touched, ignored for 60 seconds");
  });

  it("of all ports in order is recognised between two blocks", () => {
    const scene = new Scene();
    for (let port = 700; port < 1400; port++) scene.knock([port], SNIFFER);
    assert.match(scene.lines.join("\n"), /10\.77\.0\.9: scan: 8 other ports touched/);
    assert.ok(!scene.lines.some((line) => line.includes("wrong code")));
  });

  it("is also recognised if it hit the right code, and cancels the held opening", () => {
    const scene = new Scene();
    scene.knock(scene.ports(), SNIFFER);
    scene.knock([1, 2, 3, 4, 5, 6, 7, 8], SNIFFER);
    scene.pass(1000);
    assert.deepEqual(scene.opened, []);
  });

  it("is not assumed for other ports of a block", () => {
    const scene = new Scene({ policy: { strict: true }, door: { sequence: parseSequence("7000,9000") } });
    scene.knock([7000, ...scene.wrong(), 9000]);
    assert.deepEqual(scene.opened, ["10.77.0.2 undefined"]);
  });
});

describe("a reload", () => {
  it("keeps attempts, bans and used codes, and applies new secrets", () => {
    const scene = new Scene();
    const [a, b, c] = scene.ports() as [number, number, number];
    scene.knock([a, b]);
    scene.setClients([phone]);
    scene.knock([c]);
    scene.setClients([phone]);
    scene.pass(250);
    assert.deepEqual(scene.opened, ["10.77.0.2 phone"]);
    scene.knock([a, b, c], SNIFFER);
    assert.match(scene.last!, /replay$/);
    const changed = clientOf({ seed: 2 });
    scene.setClients([changed]);
    scene.knock(scene.ports(phone, 1));
    assert.match(scene.last!, /wrong code/);
    scene.knock(scene.ports(changed));
    scene.pass(250);
    assert.equal(scene.opened.length, 2);
  });

  it("that removes a client cancels its held opening", () => {
    const keys = [1, 2].map((seed) => clientOf({ kind: "key", name: `key${seed}`, seed }));
    const scene = new Scene({ clients: keys });
    scene.knock(scene.ports(keys[0]));
    scene.setClients([keys[1]!]);
    scene.pass(250);
    assert.deepEqual(scene.opened, []);
  });
});

describe("the explanation of codes", () => {
  it("names the client and the reason", () => {
    const scene = new Scene();
    const ports = scene.ports();
    scene.knock(ports);
    scene.pass(250);
    scene.knock(ports, SNIFFER);
    scene.knock(scene.wrong(), SNIFFER);
    scene.knock(scene.ports(phone, -5), SNIFFER);
    const kinds = (source: string) =>
      scene.history
        .of(parseAddress(source)!)
        .map(({ kind, client, detail }) => `${kind} ${client ?? ""} ${client ? detail : ""}`.trim());
    assert.deepEqual(kinds(PHONE), ["stage", "stage", "stage", "accepted phone 0", "open"]);
    const codes = kinds(SNIFFER).filter((kind) => !kind.startsWith("stage"));
    assert.deepEqual(codes, ["replay phone 0", "wrongCode phone 1", "clock phone 150"]);
  });
});

describe("a flood", () => {
  it("at one port of a block, from forged addresses, does not keep an honest code out and uses bounded memory", () => {
    const scene = new Scene();
    const attempts = new Attempts({
      ...{ isOurs: () => true, isStray: () => true, hashKey: [1, 2], capacity: 32_768, wallClock: () => NOON },
    });
    const door = doorOf({ name: "openSSH", sequence: [], seqTimeout: 10, clients: [phone] });
    attempts.setDoors([{ door, targets: undefined }], new ClientStates());
    const packet = (from: number, port: number) => ({
      source: { w0: 0, w1: 0, w2: 0xffff, w3: from },
      destination: parseAddress("10.77.0.1")!,
      ...{ sourcePort: 1000, port, protocol: TCP, flags: 2, ttl: 64, sequence: from },
    });
    const ports = scene.ports();
    let opened = 0;
    let now = 0;
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 20_000; i++)
        attempts.knock(packet(0x0b00_0000 + round * 20_000 + i, phone.blocks[0]! + 5), now);
      attempts.knock(packet(0x0a4d_0002, ports[round]!), (now += 100));
    }
    for (const event of attempts.expire(now + 300)) if (event.type === "open") opened++;
    assert.equal(opened, 1);
    assert.ok(attempts.live <= 32_768);
  });
});
