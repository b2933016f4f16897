// What it costs to hear knocks that come evenly, few to many, and what a flood of anything else costs.

import { frame } from "../test/frame.ts";
import { measured, PORTS } from "./flood.ts";
import { cpu, untilIdle } from "./probe.ts";
import { type Bench, type Family, figures, inTurns, lines } from "./rounds.ts";
import { apart, type Job, type Running, type Subject, start } from "./subject.ts";
import type { Row } from "./table.ts";

/** Packets a second, and what part of a core ours may take, in per cent. */
const RATES = [
  [100, 1],
  [1_000, 1.5],
  [10_000, 1.5],
  [100_000, 2],
] as const;
const JOB: Job = {
  config: `[options]\n[door]\n  sequence = ${PORTS}\n  seq_timeout = 5\n  tcpflags = syn\n`,
  ports: PORTS,
};
/** While V8 still compiles what a packet needs, once in the daemon's life: at this rate it has done so after ten seconds. */
const COLD_RATE = 10_000;
const WARM_UP_SECONDS = 15;
/** Not one of the ports of the door: the kernel's filter keeps it away. */
const IRRELEVANT = 7001;

export async function steady(bench: Bench): Promise<Family> {
  const seconds = bench.quick ? 0.5 : 2;
  const subjects: Subject[] = ["ours", "judge", "loop"];
  const results = await inTurns(bench, "steady", subjects, async (subject) => {
    const running = await start(bench.wire, subject, JOB);
    apart(running);
    const idle = await irrelevant(bench, running);
    const percents = new Map<number, number>();
    const cold = await evenly(bench, running, COLD_RATE, seconds);
    if (subject === "ours") await evenly(bench, running, COLD_RATE, bench.quick ? 5 : WARM_UP_SECONDS);
    for (const [rate] of RATES) percents.set(rate, await evenly(bench, running, rate, seconds));
    await running.stop();
    return { percents, cold, idle };
  });
  const rows: Row[] = RATES.map(([rate, most]) => ({
    what: `${rate.toLocaleString("en")} knocks a second, % of a core`,
    figures: figures(results, ({ percents }) => percents.get(rate)!),
    reach: { most },
  }));
  rows.push(
    {
      what: `${COLD_RATE.toLocaleString("en")} knocks a second, the first ${seconds} s after the start`,
      figures: figures(results, ({ cold }) => cold),
    },
    {
      what: "a flood of other packets, CPU s a million",
      figures: figures(results, ({ idle }) => idle),
      reach: { most: 0.001 },
    },
  );
  const xs = RATES.map(([rate]) => rate);
  const curve = {
    title: "Cost of a steady rate",
    across: "packets a second",
    up: "% of a core",
    lines: lines(results, xs, ({ percents }, rate) => percents.get(rate)!),
  };
  return { rows, curves: [curve] };
}

const knockOf = ({ wire }: Bench) => ({ from: wire.client, to: wire.server, port: PORTS[0]! });

/** Per cent of a core. */
async function evenly(bench: Bench, running: Running, rate: number, seconds: number): Promise<number> {
  const count = Math.max(50, Math.round(rate * seconds));
  const { cost } = await measured(bench.wire, running, [knockOf(bench)], count, rate);
  return (100 * cost * rate) / 1e6;
}

/** Before any knock: while an attempt is live, the filter lets through what a scanner touches. */
async function irrelevant(bench: Bench, running: Running): Promise<number> {
  const { wire, quick } = bench;
  const count = quick ? 50_000 : 200_000;
  const before = cpu(running);
  const one = frame({ from: wire.client, to: wire.server, protocol: "tcp", port: IRRELEVANT });
  await wire.flood({ templates: [one], count, rate: 0, vary: "port" });
  return ((await untilIdle(running)) - before) / 1000 / count;
}
