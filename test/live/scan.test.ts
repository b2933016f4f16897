// A full port scan opens no door, in whatever order it comes, and hurts nobody else; it opens 0.8's.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { frame, type TcpFlag } from "../frame.ts";
import { Daemon, type Which } from "./daemon.ts";
import { needsRoot, Wire } from "./wire.ts";

/** Scans in random order; KNOCKD_SCANS=24 for the long form. */
const SCANS = Number(process.env.KNOCKD_SCANS ?? 3);
/** Ports a second. A real scanner is slower: the more it sends between two knocks, the sooner it is found out. */
const RATE = 20_000;

const CONFIG = `
[openSSH]
  sequence = 7000,8000,9000
  seq_timeout = 25
  tcpflags = syn
  start_command = echo %IP% >>$KNOCK_LOG
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
  const syn = (from: string, port: number, flags: readonly TcpFlag[] = ["syn"]) =>
    frame({
      from,
      to: wire.server,
      protocol: "tcp",
      port,
      flags,
      seq: ++sequence,
      sourcePort: 20_000 + (sequence % 40_000),
    });
  /** All ports by one source, and in the middle of it an honest knocker. */
  function scan(from: string, ports: readonly number[], honest: string): Promise<unknown> {
    const scanned = ports.map((port, i) => ({ at: i / RATE, frame: syn(from, port) }));
    const knocks = [7000, 8000, 9000].map((port, i) => ({
      at: (0.3 + 0.2 * i) * (ports.length / RATE),
      frame: syn(honest, port),
    }));
    return wire.send([...scanned, ...knocks]);
  }
  const ascending = Array.from({ length: 65_535 }, (_, i) => i + 1);
  const shuffled = () => {
    const ports = [...ascending];
    for (let i = ports.length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [ports[i], ports[j]] = [ports[j]!, ports[i]!];
    }
    return ports;
  };

  it("in ascending order opens 0.8's door, and not ours; the honest knocker comes in at ours", async () => {
    const judge = await start(CONFIG, "judge");
    const ours = await start(CONFIG);
    await scan("10.77.0.9", ascending, "10.77.0.3");
    await judge.waitFor(() => judge.commands().includes("10.77.0.9"), 10_000);
    await ours.waitFor(() => ours.commands().length > 0);
    assert.deepEqual(ours.commands(), ["10.77.0.3"]);
    assert.match(ours.stdout, /^10\.77\.0\.9: scan: 8 other ports touched, ignored for 60 seconds$/m);
    assert.equal(ours.stdout.split(": scan: ").length, 2, "told once");
  });

  it(`in ${SCANS} random orders opens no door, while an honest knocker comes in each time`, async () => {
    const ours = await start(CONFIG);
    const honest: string[] = [];
    for (let i = 0; i < SCANS; i++) {
      honest.push(`10.77.0.${50 + i}`);
      await scan(`10.77.0.${100 + i}`, shuffled(), honest[i]!);
      await ours.waitFor(() => ours.commands().length === i + 1);
    }
    assert.deepEqual(ours.commands(), honest);
  });

  it("of no flags, or of ACKs, opens no door that takes any segment", async () => {
    const ours = await start(CONFIG.replace("tcpflags = syn", ""));
    for (const [i, flags] of ([[], ["ack"], ["fin"]] as TcpFlag[][]).entries()) {
      const from = `10.77.0.${20 + i}`;
      await wire.send(ascending.slice(6900, 9100).map((port, n) => ({ at: n / 2000, frame: syn(from, port, flags) })));
      await ours.waitFor(`${from}: scan: 8 other ports`);
    }
    assert.deepEqual(ours.commands(), []);
  });

  it("is not who loads this host's page while he knocks: a strict door opens for him, and for no other", async () => {
    const ours = await start(`[options]\nStrict = yes\n${CONFIG}`);
    const python = "import socket,sys\ns=socket.create_server(('',8080))\nprint('up',flush=True)\nsys.stdin.read()";
    const server = wire.spawn("server", ["python3", "-c", python], { stdio: ["pipe", "pipe", "inherit"] });
    await new Promise((resolve) => server.stdout!.once("data", resolve));
    const ports = (stray: number) => [7000, stray, 8000, stray, 9000];
    const send = (from: string, stray: number) =>
      wire.send(ports(stray).map((port, i) => ({ at: i * 0.05, frame: syn(from, port) })));
    await send("10.77.0.4", 8081);
    await send("10.77.0.5", 8080);
    await ours.waitFor(() => ours.commands().length > 0);
    assert.deepEqual(ours.commands(), ["10.77.0.5"]);
    assert.match(ours.stdout, /^10\.77\.0\.4: scan: 1 other ports touched/m);
    server.stdin!.end();
  });
});
