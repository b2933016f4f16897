// How long a packet waits in the kernel's ring until knockd decides about it, at low and high rates. At low rates the
// packet reader uses interrupts, at high rates it polls. The last rows measure the changes between the two modes.
import { setTimeout as sleep } from "node:timers/promises";
import type { Door } from "../src/config/door.ts";
import { frame } from "../test/frame.ts";
import { CaptureClient, type Captured } from "../test/live/capture-client.ts";
import { PORTS } from "./flood.ts";
import { type Bench, type Family, figures, inTurns } from "./rounds.ts";
import { unpin } from "./subject.ts";
import type { Row } from "./table.ts";

const RATES = [10, 150, 250, 1_000, 10_000, 100_000];

interface Waits {
  count: number;
  p50: number;
  p99: number;
  most: number;
}

export async function waits(bench: Bench): Promise<Family> {
  const { wire, quick } = bench;
  unpin();
  const results = await inTurns(bench, "waits", ["ours"], async () => {
    const client = await CaptureClient.open(wire, "eth0", "source");
    const door = {
      sequence: PORTS.map((port) => ({ protocol: "tcp", port })),
      clients: [],
      tcpFlags: { set: 2, clear: 0 },
    };
    await client.setDoors([wire.server], [{ door: door as unknown as Door, targets: undefined }]);
    await client.call("start");
    const templates = [frame({ from: wire.client, to: wire.server, protocol: "tcp", port: PORTS[0]! })];
    const found = new Map<number | "changes", Waits>();
    let packets = 0;
    const flood = async (count: number, rate: number) => {
      packets += (await wire.flood({ templates, count, rate, vary: "source" })).sent;
      await client.until<Captured>("captured", (captured) => captured.packets >= packets);
    };
    for (const rate of RATES) {
      await flood(Math.max(10, rate * (quick ? 0.3 : 1)), rate);
      found.set(rate, await client.call<Waits>("waits"));
    }
    // A burst, and a pause just long enough for the reader to leave polling. So each burst meets both changes.
    for (let burst = 0; burst < (quick ? 5 : 20); burst++) {
      await flood(60, 1_000);
      await sleep(250);
    }
    found.set("changes", await client.call<Waits>("waits"));
    await client.call("close");
    client.end();
    return found;
  });
  const rows = ([...RATES, "changes"] as const).flatMap((rate): Row[] => {
    const what = rate === "changes" ? "bursts of 60 in 60 ms" : `${rate.toLocaleString("en")} packets per second`;
    const of = (which: keyof Waits) => figures(results, (round) => round.get(rate)![which]);
    return [
      { what: `${what}: a packet waits, p50, ms`, figures: of("p50") },
      { what: "the same, p99, ms", figures: of("p99") },
      { what: "the same, longest, ms", figures: of("most"), reach: { most: 10 } },
    ];
  });
  return { rows };
}
