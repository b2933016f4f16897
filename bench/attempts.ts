// How the number of live attempts changes the cost of a packet, and the memory.
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../test/frame.ts";
import type { Wire } from "../test/live/wire.ts";
import { enough, measured, PORTS, warmUp } from "./flood.ts";
import { forgetPeak, memory } from "./memory.ts";
import { packets, untilIdle } from "./probe.ts";
import { type Bench, type Family, figures, inTurns, lines } from "./rounds.ts";
import { type Job, pinApart, type Running, type Subject, start } from "./subject.ts";
import type { Row } from "./table.ts";

const LIVE = [1, 1_000, 10_000, 100_000, 1_000_000];
/** 0.8 goes through all attempts at each packet, so it takes minutes to make more. */
const MAX_OF_08 = 10_000;
const A_MILLION = 1_000_000;
const WARM_UP_RATE = 200_000;

const job = (seconds: number): Job => ({
  config: `[options]\n[door]\n  sequence = ${PORTS}\n  seq_timeout = ${seconds}\n  tcpflags = syn\n`,
  ports: PORTS,
});

export async function attempts(bench: Bench): Promise<Family> {
  const most = bench.quick ? 100_000 : A_MILLION;
  const xs = LIVE.filter((live) => live <= most);
  const costs = await inTurns(bench, "attempts", ["ours", "judge", "loop"], (subject) =>
    withMoreAndMore(bench, subject, xs),
  );
  const grown = (live: number) =>
    figures({ ours: costs.ours!, loop: costs.loop! }, (round) => round.get(live)! / round.get(1)!);
  const rows: Row[] = [
    { what: "a packet with 100,000 live attempts ÷ with one", figures: grown(100_000), reach: { most: 1.5 } },
    {
      what: "the same, 10,000",
      figures: figures(costs, (round) => round.get(10_000)! / round.get(1)!),
    },
  ];
  if (!bench.quick) rows.push({ what: "the same, 1,000,000", figures: grown(A_MILLION) });
  const curve = {
    title: "Cost of a packet by live attempts",
    across: "live attempts",
    up: "CPU µs a packet",
    lines: lines(costs, xs, (round, live) => round.get(live) ?? Number.NaN),
  };
  return { rows, curves: [curve] };
}

/** Microseconds per packet, by the number of live attempts. */
async function withMoreAndMore(bench: Bench, subject: Subject, xs: readonly number[]): Promise<Map<number, number>> {
  const { wire, quick } = bench;
  const running = await start(wire, subject, job(600));
  pinApart(running);
  const costs = new Map<number, number>();
  const knock = { from: wire.client, to: wire.server, port: PORTS[0]! };
  const count = subject === "judge" ? 2_000 : quick ? 50_000 : enough(subject);
  await measured(wire, running, [knock], subject === "judge" ? 2_000 : warmUp(subject));
  let live = 1;
  for (const x of xs) {
    if (subject === "judge" && x > MAX_OF_08) break;
    if (subject !== "loop") await addAttempts(wire, running, live, x, subject === "judge" ? 1_000 : 20_000);
    live = x;
    costs.set(x, (await measured(wire, running, [knock], count)).cost);
  }
  await running.stop();
  return costs;
}

/** Sends first knocks from new sources, in batches that fit into the ring. */
async function addAttempts(wire: Wire, running: Running, from: number, to: number, batch: number): Promise<void> {
  for (let at = from; at < to; at += batch) {
    const source = `10.${100 + (at >>> 16)}.${(at >>> 8) & 255}.${at & 255}`;
    const one = frame({ from: source, to: wire.server, protocol: "tcp", port: PORTS[0]! });
    await wire.flood({ templates: [one], count: Math.min(batch, to - at), rate: 0, vary: "source" });
    await untilIdle(running);
  }
}

/** A million new sources at full speed, from IPv4 addresses and from one IPv6 /64. */
export async function burst(bench: Bench): Promise<Family> {
  const count = bench.quick ? 100_000 : A_MILLION;
  const rows: Row[] = [];
  for (const family of [4, 6] as const) {
    // 0.8 would take minutes for the packets that it does not drop. It is measured once, below, and killed.
    const results = await inTurns(bench, `burst, IPv${family}`, ["ours"], (subject) =>
      oneBurst(bench, subject, family, count),
    );
    const what = `${count.toLocaleString("en")} sources${family === 6 ? " of one /64" : ""} at full speed`;
    rows.push(
      { what: `${what}: lost, %`, figures: figures(results, ({ lost }) => lost), reach: { most: 0 } },
      {
        what: `${what}: memory grows, MB`,
        figures: figures(results, ({ grown }) => grown),
        reach: { most: family === 6 ? 1.5 * 60 : 60 },
      },
      {
        what: `${what}: memory that stays when they are over, MB`,
        figures: figures(results, ({ left }) => left),
        reach: { most: 10 },
      },
    );
  }
  const judge = await inTurns({ rounds: 1 }, "burst, 0.8", ["judge"], (subject) => oneBurst(bench, subject, 4, count));
  rows[0]!.figures = { ...rows[0]!.figures, ...figures(judge, ({ lost }) => lost) };
  return { rows, notes: ["knockd 0.8 was measured in one round only."] };
}

async function oneBurst({ wire }: Bench, subject: Subject, family: 4 | 6, count: number) {
  const seconds = 3;
  const running = await start(wire, subject, job(seconds));
  pinApart(running);
  const before = memory(running).now; // before the warm-up, which makes it grow too
  const [from, to] = family === 4 ? ["10.100.0.0", wire.server] : ["fd77::1:0:0:0", wire.server6];
  const knock = (seq: number) => [frame({ from, to, protocol: "tcp", port: PORTS[0]!, seq })];
  // Slower, because V8 compiles meanwhile.
  const slowly = { templates: knock(1), count: count / 2, rate: WARM_UP_RATE, vary: "source" } as const;
  if (subject === "ours") await wire.flood(slowly);
  await sleep(seconds * 1000); // the attempts of the warm-up are over then
  await untilIdle(running);
  packets(running);
  forgetPeak(running);
  const { sent } = await wire.flood({ templates: knock(2), count, rate: 0, vary: "source" });
  const lost = (100 * packets(running).dropped) / sent;
  if (subject === "judge") {
    await running.stop();
    return { lost, grown: Number.NaN, left: Number.NaN };
  }
  await untilIdle(running);
  await sleep(seconds * 1000 + 3000); // the attempts are over then, and logged
  await untilIdle(running);
  const { now, peak } = memory(running);
  await running.stop();
  return { lost, grown: peak - before, left: now - before };
}
