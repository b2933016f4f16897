// npm run bench [-- --quick]: ours beside Debian's knockd 0.8, in one run, in turns, each alone on its interface.
// It judges nothing: it prints what was measured, and whether that is what we expect of ourselves.
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import type { Which } from "../test/live/daemon.ts";
import { needsRoot, Wire } from "../test/live/wire.ts";
import { type Floods, floods } from "./flood.ts";
import { alone, type Latency, latency } from "./latency.ts";
import { machine, ofRounds, percentile, type Row, short, table } from "./table.ts";

const ROUNDS = 5;

type Results<T> = Record<Which, T[]>;

async function bench(quick: boolean): Promise<void> {
  const [knocks, packets] = quick ? [8, 100_000] : [40, 600_000];
  console.log("knockd-ng beside Debian's knockd 0.8");
  console.log(machine());
  console.log(`${ROUNDS} rounds each, in turns\n`);
  const wire = await Wire.open();
  try {
    const shell = await alone(wire, ROUNDS * knocks);
    const idle = idleSince();
    const latencies = await inTurns("latency", (which) => latency(wire, which, knocks));
    const quiet = idle();
    const loads = await inTurns("flood", (which) => floods(wire, which, packets));
    console.log(table([...latencyRows(latencies), ...floodRows(loads)]));
    console.log("\nIn brackets the lowest and the highest round.");
    console.log(`Of each latency /bin/sh and the command alone, without a daemon, take ${typical(shell)}.`);
    console.log(`${knocksMissed(latencies, knocks)} The processors were ${quiet} % idle meanwhile.`);
    console.log(`Full speed was ${rates(loads)} packets a second, a flood ${packets.toLocaleString("en")} packets.`);
  } finally {
    await wire.close();
  }
}

/** Each round both, and each of them first every other time: whatever changes on this machine meets both alike. */
async function inTurns<T>(what: string, measure: (which: Which) => Promise<T>): Promise<Results<T>> {
  const results: Results<T> = { ours: [], judge: [] };
  for (let round = 1; round <= ROUNDS; round++) {
    process.stderr.write(`${what}: round ${round} of ${ROUNDS}\n`);
    const both: Which[] = round % 2 ? ["ours", "judge"] : ["judge", "ours"];
    for (const which of both) results[which].push(await measure(which));
  }
  return results;
}

function latencyRows(results: Results<Latency>): Row[] {
  const all = (which: Which, percent: number) => {
    const rounds = results[which].map(({ waits }) => percentile(waits, percent));
    const value = percentile(
      results[which].flatMap(({ waits }) => waits),
      percent,
    );
    return { ...ofRounds(rounds), value };
  };
  const first = (which: Which) => ofRounds(results[which].map(({ waits }) => waits[0] ?? Number.NaN));
  return [
    { what: "last SYN → command begins, p50, ms", ours: all("ours", 50), judge: all("judge", 50), times: 10 },
    { what: "the same, p99, ms", ours: all("ours", 99), judge: all("judge", 99), times: 10 },
    { what: "the same, first knock after the start, ms", ours: first("ours"), judge: first("judge") },
  ];
}

function floodRows(results: Results<Floods>): Row[] {
  const of = (kind: keyof Floods, what: "cost" | "lost", times: number) => (which: Which) =>
    ofRounds(results[which].map((round) => round[kind][what] * times));
  const row = (what: string, figures: (which: Which) => Row["ours"]) => ({
    what,
    ours: figures("ours"),
    judge: figures("judge"),
  });
  return [
    { ...row("first knocks at full speed, CPU s per million", of("firstKnocks", "cost", 1)), times: 5 },
    { ...row("whole sequences at full speed, CPU s per million", of("sequences", "cost", 1)), times: 5 },
    row("first knocks at full speed, lost, %", of("firstKnocks", "lost", 100)),
    row("whole sequences at full speed, lost, %", of("sequences", "lost", 100)),
  ];
}

const typical = (all: readonly number[]) =>
  `${short(percentile(all, 50))} ms (p50) and ${short(percentile(all, 99))} ms (p99)`;

function knocksMissed(results: Results<Latency>, knocks: number): string {
  const missed = (which: Which) => results[which].reduce((sum, round) => sum + round.missed, 0);
  if (missed("ours") + missed("judge") === 0) return `All ${ROUNDS * knocks} knocks opened, at both.`;
  return `Of ${ROUNDS * knocks} knocks, ${missed("ours")} opened nothing at ours and ${missed("judge")} at 0.8.`;
}

function rates(results: Results<Floods>): string {
  const all = [...results.ours, ...results.judge].flatMap((round) => [round.firstKnocks.rate, round.sequences.rate]);
  const thousands = (rate: number) => `${Math.round(rate / 1000)},000`;
  return `${thousands(Math.min(...all))} to ${thousands(Math.max(...all))}`;
}

/** Knocking leaves the processors idle nearly all the time: when they were not, others have disturbed the figures. */
function idleSince(): () => number {
  const now = () => {
    const times = cpus().map((one) => one.times);
    const idle = times.reduce((sum, one) => sum + one.idle, 0);
    return { idle, all: times.reduce((sum, one) => sum + one.user + one.nice + one.sys + one.irq, idle) };
  };
  const before = now();
  return () => Math.round((100 * (now().idle - before.idle)) / (now().all - before.all));
}

if (needsRoot) {
  console.error("bench needs root: sudo npm run bench");
  process.exit(1);
}
try {
  await bench(parseArgs({ options: { quick: { type: "boolean", default: false } } }).values.quick ?? false);
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
