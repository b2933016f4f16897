// A short siege: what `npm run siege` counts at 100,000 packets a second, here at a rate that any machine can handle.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { Daemon } from "./daemon.ts";
import { cameIn, DOOR, knockAll, knockers, PORTS } from "./knockers.ts";
import { descendants, mostMemory } from "./process-stats.ts";
import { needsRoot, Wire } from "./wire.ts";

const CONFIG = `${DOOR}
[flooded]
  sequence = 5000:udp
  command = echo flooded %IP% >>$KNOCK_LOG
`;
/** MiB. */
const MAX_MEMORY = 120;
const MAX_AT_ONCE = 64;

describe("in a flood", { skip: needsRoot }, () => {
  let wire: Wire;
  const running: Daemon[] = [];
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop("SIGKILL");
  });
  async function start(config = CONFIG): Promise<Daemon> {
    const daemon = await Daemon.start(wire, "ours", config);
    running.push(daemon);
    return daemon;
  }
  const who = knockers(5);
  const knock = () => knockAll(wire, who, 0.5, 0.3);
  const udp = () => frame({ from: wire.client, to: wire.server, protocol: "udp", port: 5000 });
  const came = (daemon: Daemon) => cameIn(daemon.commands());
  const flooded = (daemon: Daemon) => daemon.commands().filter((line) => line.startsWith("flooded "));
  const allCome = (daemon: Daemon) => daemon.waitFor(() => came(daemon).length >= who.length, 30_000);
  const expected = who.map((from) => `in ${from}`);

  for (const [title, from, to] of [
    ["IPv4", "client", "server"],
    ["IPv6 of one /64", "client6", "server6"],
  ] as const) {
    it(`of forged first knocks, ${title}: clients get in, and memory is bounded`, async () => {
      const ours = await start();
      const templates = [frame({ from: wire[from], to: wire[to], protocol: "tcp", port: PORTS[0]! })];
      const flood = wire.flood({ templates, count: 20_000, rate: 8000, vary: "source" });
      await knock();
      await flood;
      await allCome(ours);
      assert.deepEqual(came(ours), expected);
      assert.ok(mostMemory(ours.pid) < MAX_MEMORY, `${mostMemory(ours.pid)} MiB`);
    });
  }

  it("of openings by new sources: each has its command, few at once, and clients get in at another door", async () => {
    const ours = await start();
    let most = 0;
    const counting = setInterval(() => (most = Math.max(most, descendants(ours.pid))), 20);
    const flood = wire.flood({ templates: [udp()], count: 2000, rate: 1000, vary: "source" });
    const clients = 1999; // one of the sources is the network's broadcast address, which no client has
    await knock();
    await flood;
    await allCome(ours);
    await ours.waitFor(() => flooded(ours).length >= clients, 60_000).finally(() => clearInterval(counting));
    assert.equal(new Set(flooded(ours)).size, clients);
    assert.deepEqual(came(ours), expected);
    assert.ok(most > 0 && most <= MAX_AT_ONCE, `${most} processes`);
    assert.ok(mostMemory(ours.pid) < MAX_MEMORY, `${mostMemory(ours.pid)} MiB`);
  });

  it("of 1,000 scanners from one /64, all in the middle of a sequence at once: none gets in", async () => {
    const ours = await start();
    const scanners = Array.from({ length: 1000 }, (_, i) => `fd77:0:0:1::${(i + 1).toString(16)}`);
    const ports = [PORTS[0]!, ...Array.from({ length: 8 }, (_, i) => 20_000 + i), ...PORTS.slice(1)];
    const scans = ports.flatMap((port, round) =>
      scanners.map((from, i) => ({
        at: (round * 1000 + i) / 5000,
        frame: frame({ from, to: wire.server6, protocol: "tcp", port, seq: 100 * i + round }),
      })),
    );
    await wire.send(scans);
    await knock();
    await allCome(ours);
    assert.deepEqual(came(ours), expected);
  });

  it("of 100 forged SYNs a second with each client's address: the clients get in", async () => {
    const ours = await start();
    const seconds = 3;
    const forged = who.flatMap((from, i) =>
      Array.from({ length: 100 * seconds }, (_, n) => ({
        at: n / 100,
        frame: frame({ from, to: wire.server, protocol: "tcp", port: 20_000 + n, ttl: 50 + 3 * i, seq: n }),
      })),
    );
    // At a person's pace: the last one ends when the forger does.
    const knocks = who.flatMap((from, i) =>
      PORTS.map((port, stage) => ({
        at: 0.2 + 0.1 * i + stage * 0.9,
        frame: frame({ from, to: wire.server, protocol: "tcp", port, ttl: 47, seq: 1000 + stage }),
      })),
    );
    await wire.send([...forged, ...knocks].filter(({ at }) => at < seconds));
    await allCome(ours);
    assert.deepEqual(came(ours), expected);
    assert.doesNotMatch(ours.stdout, /: scan: /);
  });

  it("of openings by one source, Seq_Cooldown lets one command run", async () => {
    const ours = await start(`${CONFIG}  Seq_Cooldown = 600\n`);
    const flood = wire.flood({ templates: [udp()], count: 5000, rate: 2500, vary: "port" });
    await knock();
    await flood;
    await allCome(ours);
    assert.deepEqual(flooded(ours), [`flooded ${wire.client}`]);
    assert.deepEqual(came(ours), expected);
  });
});
