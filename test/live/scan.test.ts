// Tests that a full port scan in any order opens no door and affects no other client. It opens 0.8's.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { frame, type TcpFlag } from "../frame.ts";
import { Daemon, type Which } from "./daemon.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

/** Scans in random order. KNOCKD_SCANS=24 is for the long form, which also has three more ordered ones. */
const SCANS = Number(process.env.KNOCKD_SCANS ?? 3);
const LONG = SCANS >= 24;
/**
 * Ports a second. The faster the scan, the less time there is to widen the filter between two knocks (scan-window.ts).
 */
const RATE = 20_000;

/** The ports of 0.8's example: one ascends, one descends. */
const CONFIG = `
[openSSH]
  sequence = 7000,8000,9000
  seq_timeout = 25
  tcpflags = syn
  start_command = echo %IP% >>$KNOCK_LOG
[closeSSH]
  sequence = 9000,8000,7000
  seq_timeout = 25
  tcpflags = syn
  start_command = echo close %IP% >>$KNOCK_LOG
`;

describe("a port scan", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;
  const running: Daemon[] = [];
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop();
  });

  async function start(config: string, which: Which = "ours"): Promise<Daemon> {
    const daemon = await Daemon.start(wire, which, config);
    running.push(daemon);
    return daemon;
  }
  const syn = (from: string, port: number, flags: readonly TcpFlag[] = ["syn"], to = wire.server, ttl = 64) =>
    frame({
      from,
      to,
      protocol: "tcp",
      port,
      flags,
      ttl,
      seq: ++sequence,
      sourcePort: 20_000 + (sequence % 40_000),
    });
  /** One source sends to all ports, and meanwhile an honest client knocks. */
  function scan(from: string, ports: readonly number[], honest: string, rate = RATE): Promise<unknown> {
    const scanned = ports.map((port, i) => ({ at: i / rate, frame: syn(from, port) }));
    const knocks = [7000, 8000, 9000].map((port, i) => ({
      at: (0.3 + 0.2 * i) * (ports.length / rate),
      frame: syn(honest, port),
    }));
    return wire.send([...scanned, ...knocks]);
  }
  /** The real nmap scans all ports, and meanwhile an honest client knocks. */
  async function nmap(options: readonly string[], to: string, honest: string): Promise<string> {
    const argv = ["nmap", "-sS", "-Pn", "-n", "-T5", "-p-", ...options, to];
    let over = false;
    const scanning = wire.run("client", argv, { timeoutMs: 60_000 }).finally(() => (over = true));
    const knocks = [7000, 8000, 9000].map((port, i) => ({ at: 0.5 + 0.2 * i, frame: syn(honest, port, ["syn"], to) }));
    await wire.send(knocks);
    assert.equal(over, false, "the knocker came during the scan");
    const { status, stdout, stderr } = await scanning;
    assert.equal(status, 0, stderr);
    return stdout;
  }
  const ascending = Array.from({ length: 65_535 }, (_, i) => i + 1);
  const shuffled = (from: readonly number[] = ascending) => {
    const ports = [...from];
    for (let i = ports.length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [ports[i], ports[j]] = [ports[j]!, ports[i]!];
    }
    return ports;
  };

  it("in ascending order opens 0.8's door, but not ours, which an honest client can open", async () => {
    const judge = await start(CONFIG, "judge");
    const ours = await start(CONFIG);
    await scan("10.77.0.9", ascending, "10.77.0.3");
    await judge.waitFor(() => judge.commands().includes("10.77.0.9"), 10_000);
    await ours.waitFor(() => ours.commands().length > 0);
    assert.deepEqual(ours.commands(), ["10.77.0.3"]);
    assert.match(ours.stdout, /^10\.77\.0\.9: scan: 8 other ports touched, ignored for 60 seconds$/m);
    assert.equal(ours.stdout.split(": scan: ").length, 3, "told once for each of two doors");
  });

  const descending = [...ascending].reverse();
  const ordered = [
    ["descending order", descending, RATE],
    ["ascending order, slowly", ascending, 4000],
    ["descending order, slowly", descending, 4000],
  ] as const;
  for (const [title, ports, rate] of LONG ? ordered : []) {
    it(`in ${title} opens no door`, async () => {
      const ours = await start(CONFIG);
      await scan("10.77.0.8", ports, "10.77.0.3", rate);
      await ours.waitFor(() => ours.commands().length > 0);
      assert.deepEqual(ours.commands(), ["10.77.0.3"]);
    });
  }

  it(`in ${SCANS} random orders opens no door, while an honest client gets in each time`, async () => {
    const ours = await start(CONFIG);
    const honest: string[] = [];
    for (let i = 0; i < SCANS; i++) {
      honest.push(`10.77.0.${50 + i}`);
      await scan(`10.77.0.${100 + i}`, shuffled(), honest[i]!);
      await ours.waitFor(() => ours.commands().length === i + 1);
    }
    assert.deepEqual(ours.commands(), honest);
  });

  // Scans of 10,000 ports that include those of both doors: one takes any segment, one expects a SYN.
  const EVERY = `
[any]
  sequence = 1701,9003,2802
  start_command = echo any %IP% >>$KNOCK_LOG
[syn]
  sequence = 6101,3907,8204
  tcpflags = syn
  start_command = echo syn %IP% >>$KNOCK_LOG
[udp]
  sequence = 1701:udp,9003:udp,2802:udp
  start_command = echo udp %IP% >>$KNOCK_LOG
`;
  const NAMES: readonly TcpFlag[] = ["fin", "syn", "rst", "psh", "ack", "urg"];
  const every = Array.from({ length: 64 }, (_, bits) => NAMES.filter((_, i) => ((bits >> i) & 1) === 1));
  const few = [["syn", "rst"], ["rst"], ["rst", "ack"], [], [...NAMES]] as TcpFlag[][];
  const low = ascending.slice(0, 9999);
  /** One packet of a scan: with these flags, each time with another TTL, or UDP. */
  type Make = (from: string, port: number) => Buffer;
  const kinds: [string, Make][] = [
    ...(LONG ? every : few).map((flags): [string, Make] => [
      flags.join("+") || "no flag",
      (from, port) => syn(from, port, flags),
    ]),
    [
      "SYN, each packet with another TTL",
      (from, port) => syn(from, port, ["syn"], wire.server, 40 + 3 * Math.floor(60 * Math.random())),
    ],
    ["UDP", (from, port) => frame({ from, to: wire.server, protocol: "udp", port, sourcePort: 30_000 })],
  ];

  it(`of ${kinds.map(([title]) => title).join("; ")}: opens no door; an honest client gets in during each`, async () => {
    const ours = await start(EVERY);
    const expected: string[] = [];
    let sources = 0;
    const sweep = async (make: Make, ports: readonly number[], rate: number) => {
      const number = ++sources;
      const [scanner, honest] = [10, 11].map((net) => `10.${net}.${number >> 8}.${number & 255}`) as [string, string];
      const seconds = ports.length / rate;
      await wire.send([
        ...ports.map((port, i) => ({ at: i / rate, frame: make(scanner, port) })),
        ...[1701, 9003, 2802].map((port, i) => ({ at: (0.2 + 0.3 * i) * seconds, frame: syn(honest, port) })),
      ]);
      expected.push(`any ${honest}`);
      await ours.waitFor(() => ours.commands().length >= expected.length);
      assert.deepEqual(ours.commands(), expected);
    };
    const sorted = [low, [...low].reverse()];
    for (const [, make] of kinds) {
      for (let i = 0; i < (LONG ? SCANS : 1); i++) await sweep(make, shuffled(low), RATE);
      for (const rate of LONG ? [RATE, 4000] : []) for (const ports of sorted) await sweep(make, ports, rate);
    }
  });

  it("without flags, or of ACKs, opens no door that accepts any segment", async () => {
    const ours = await start(CONFIG.replace("tcpflags = syn", ""));
    for (const [i, flags] of ([[], ["ack"], ["fin"]] as TcpFlag[][]).entries()) {
      const from = `10.77.0.${20 + i}`;
      await wire.send(ascending.slice(6900, 9100).map((port, n) => ({ at: n / 2000, frame: syn(from, port, flags) })));
      await ours.waitFor(`${from}: scan: 8 other ports`);
    }
    assert.deepEqual(ours.commands(), []);
  });

  it("by nmap in ascending order, with resets as replies, opens no door, over IPv6 too", async () => {
    for (const [to, me, honest, options] of [
      [wire.server, wire.client, "10.77.0.30", []],
      [wire.server6, wire.client6, "fd77::30", ["-6"]],
    ] as const) {
      const ours = await start(CONFIG);
      await nmap(["-r", "--max-rate", `${RATE}`, ...options], to, honest);
      await ours.waitFor(() => ours.commands().length > 0);
      assert.deepEqual(ours.commands(), [honest]);
      assert.ok(ours.stdout.includes(`${me}: scan: 8 other ports touched`));
    }
  });

  it("by nmap in random order, with a firewall that drops, so that it asks twice, opens no door", async () => {
    const ours = await start(CONFIG);
    const iptables = async (what: string) =>
      assert.equal((await wire.run("server", ["iptables", what, "INPUT", "-p", "tcp", "-j", "DROP"])).status, 0);
    await iptables("-A");
    const said = await nmap(["--max-retries", "1", "--min-rate", `${RATE}`], wire.server, "10.77.0.31");
    await iptables("-D");
    assert.match(said, /65535 filtered tcp ports \(no-response\)/);
    await ours.waitFor(() => ours.commands().length > 0);
    assert.deepEqual(ours.commands(), ["10.77.0.31"]);
  });

  it("by nmap at full speed opens no door", async () => {
    for (let i = 0; i < (LONG ? 12 : 3); i++) {
      const ours = await start(CONFIG);
      const argv = ["nmap", "-sS", "-Pn", "-n", "-T5", "-p-", "-r", wire.server];
      assert.equal((await wire.run("client", argv, { timeoutMs: 60_000 })).status, 0);
      await ours.waitFor(`${wire.client}: scan: `);
      assert.deepEqual(ours.commands(), []);
      await ours.stop();
    }
  });

  it("of UDP and TCP opens no strict door with both; a client gets in", async () => {
    const both = CONFIG.replace("7000,8000,9000", "7000:udp,8000:tcp,9000:udp");
    const ours = await start(`[options]\nStrict = yes\n${both}`);
    const from = "10.77.0.40";
    const udp = (source: string, port: number) =>
      frame({ from: source, to: wire.server, protocol: "udp", port, sourcePort: 30_000 });
    const scanned = ascending.slice(5000, 9500).flatMap((port, i) => [
      { at: i / 4000, frame: udp(from, port) },
      { at: i / 4000, frame: syn(from, port) },
    ]);
    await wire.send(scanned);
    await ours.waitFor(`${from}: scan: 1 other port touched`);
    const honest = "10.77.0.41";
    await wire.send([
      { at: 0, frame: udp(honest, 7000) },
      { at: 0.1, frame: syn(honest, 8000) },
      { at: 0.2, frame: udp(honest, 9000) },
    ]);
    await ours.waitFor(() => ours.commands().length > 0);
    assert.deepEqual(ours.commands(), [honest]);
  });

  it("is not assumed for a client that loads a page from this host while it knocks at a strict door", async () => {
    const ours = await start(`[options]\nStrict = yes\n${CONFIG}`);
    const server = wire.spawn("server", ["python3", "-um", "http.server", "-b", "::", "8080"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    await new Promise((resolve) => server.stdout!.once("data", resolve));
    const client = async (...argv: string[]) => (await wire.run("client", argv)).status;
    const page = (host: string, port: number) => ["curl", "-s", "-o", "/dev/null", `http://${host}:${port}/`];
    const knock = [process.execPath, join(repo, "dist/src/knock.js")];
    for (const host of [wire.server, wire.server6]) {
      const url = host.includes(":") ? `[${host}]` : host;
      for (const port of [7000, 8000, 9000]) {
        assert.equal(await client(...knock, host, `${port}`), 0);
        assert.deepEqual([await client(...page(url, 8080)), await client(...page(url, 8080))], [0, 0]);
      }
    }
    await ours.waitFor(() => ours.commands().length === 2);
    assert.deepEqual(ours.commands(), [wire.client, wire.client6]);
    assert.doesNotMatch(ours.stdout, /: scan: /);

    assert.equal(await client(...knock, wire.server, "7000"), 0);
    await ours.waitFor(() => ours.stdout.split("Stage 1").length === 4);
    assert.notEqual(await client(...page(wire.server, 8081)), 0);
    await ours.waitFor(`${wire.client}: scan: 1 other port touched`);
    server.kill();
  });
});
