// What a steady rate of knocks costs, from 100 to 100,000 a second, and what a flood of other packets costs.

import { frame } from "../test/frame.ts";
import { measured, PORTS } from "./flood.ts";
import { cpu, untilIdle } from "./probe.ts";
import { type Bench, type Family, figures, inTurns, lines } from "./rounds.ts";
import { type Job, pinApart, type Running, type Subject, start } from "./subject.ts";
import type { Row } from "./table.ts";

/** Packets per second, and our goal in percent of a core. */
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
/** The rate of the measurement just after the start, while V8 compiles. At this rate it has finished after ten seconds. */
const COLD_RATE = 10_000;
const WARM_UP_SECONDS = 15;
/** No port of the door, so the kernel's filter drops it. */
const IRRELEVANT = 7001;

export async function steady(bench: Bench): Promise<Family> {
  const seconds = bench.quick ? 0.5 : 2;
  const subjects: Subject[] = ["ours", "judge", "loop"];
  const results = await inTurns(bench, "steady", subjects, async (subject) => {
    const running = await start(bench.wire, subject, JOB);
    pinApart(running);
    const idle = await irrelevant(bench, running);
    const percents = new Map<number, number>();
    const cold = await evenly(bench, running, COLD_RATE, seconds);
    if (subject === "ours") await evenly(bench, running, COLD_RATE, bench.quick ? 5 : WARM_UP_SECONDS);
    for (const [rate] of RATES) percents.set(rate, await evenly(bench, running, rate, seconds));
    await running.stop();
    return { percents, cold, idle };
  });
  const rows: Row[] = RATES.map(([rate, most]) => ({
    what: `${rate.toLocaleString("en")} knocks per second, % of a core`,
    figures: figures(results, ({ percents }) => percents.get(rate)!),
    reach: { most },
  }));
  rows.push(
    {
      what: `${COLD_RATE.toLocaleString("en")} knocks per second, the first ${seconds} s after the start`,
      figures: figures(results, ({ cold }) => cold),
    },
    {
      what: "a flood of other packets, CPU s per million",
      figures: figures(results, ({ idle }) => idle),
      reach: { most: 0.001 },
    },
  );
  const xs = RATES.map(([rate]) => rate);
  const curve = {
    title: "Cost of a steady rate",
    across: "packets per second",
    up: "% of a core",
    lines: lines(results, xs, ({ percents }, rate) => percents.get(rate)!),
  };
  return { rows, curves: [curve] };
}

const knockOf = ({ wire }: Bench) => ({ from: wire.client, to: wire.server, port: PORTS[0]! });

/** Percent of a core. */
async function evenly(bench: Bench, running: Running, rate: number, seconds: number): Promise<number> {
  const count = Math.max(50, Math.round(rate * seconds));
  const { cost } = await measured(bench.wire, running, [knockOf(bench)], count, rate);
  return (100 * cost * rate) / 1e6;
}

/** CPU seconds per million packets to a closed port. Call it before any knock: during an attempt the filter passes strays. */
async function irrelevant(bench: Bench, running: Running): Promise<number> {
  const { wire, quick } = bench;
  const count = quick ? 50_000 : 200_000;
  const before = cpu(running);
  const one = frame({ from: wire.client, to: wire.server, protocol: "tcp", port: IRRELEVANT });
  await wire.flood({ templates: [one], count, rate: 0, vary: "port" });
  return ((await untilIdle(running)) - before) / 1000 / count;
}
