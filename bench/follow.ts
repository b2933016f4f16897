// How long knockd misses knocks at a new address, such as a DHCP lease or an IPv6 prefix. 0.8 misses them forever.
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../test/frame.ts";
import { Daemon } from "../test/live/daemon.ts";
import { type Bench, type Family, figures } from "./rounds.ts";
import { percentile } from "./table.ts";

const KNOCKS = 600;
const SPACING_MS = 1;
const CONFIG = "[door]\n  sequence = 7000:udp\n";

export async function follow({ wire, quick, rounds }: Bench): Promise<Family> {
  const results: number[][] = [];
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`follow: round ${round} of ${rounds}\n`);
    const daemon = await Daemon.start(wire, "ours", CONFIG);
    const waits: number[] = [];
    for (let i = 0; i < (quick ? 4 : 20); i++) {
      const [to, from] = i % 2 ? [`fd77::${100 + i}`, wire.client6] : [`10.77.0.${100 + i}`, wire.client];
      waits.push(await deaf(daemon, to, from));
    }
    await daemon.stop();
    results.push(waits);
  }
  const row = (what: string, of: (waits: number[]) => number) => ({
    what: `new address → its knocks are received, ms, ${what}`,
    figures: figures({ ours: results }, of),
    reach: { most: 100 },
  });
  return { rows: [row("p50", (waits) => percentile(waits, 50)), row("longest", (waits) => Math.max(...waits))] };

  /** Milliseconds from the new address to the first received knock. After that one, none may be missed. */
  async function deaf(daemon: Daemon, to: string, from: string): Promise<number> {
    const before = received(daemon);
    const knocks = Array.from({ length: KNOCKS }, (_, i) => ({
      at: 0.1 + (i * SPACING_MS) / 1000,
      frame: frame({ from, to, protocol: "udp", port: 7000, sourcePort: 20_000 + i }),
    }));
    const sending = wire.send(knocks);
    await sleep(250);
    const [length, more] = to.includes(":") ? [64, ["nodad"]] : [24, []];
    await ip("add", `${to}/${length}`, ...more);
    const there = Number(process.hrtime.bigint());
    const left = await sending;
    await sleep(100);
    await ip("del", `${to}/${length}`);
    const count = received(daemon) - before;
    if (count === 0) throw new Error(`no knock received at ${to}`);
    return Math.max(0, (left[KNOCKS - count]! - there) / 1e6);
  }

  async function ip(what: string, ...address: string[]): Promise<void> {
    const { status, stderr } = await wire.run("server", ["ip", "address", what, ...address, "dev", "eth0"]);
    if (status !== 0) throw new Error(stderr);
  }
}

const received = (daemon: Daemon) => daemon.stdout.split("OPEN SESAME").length - 1;
