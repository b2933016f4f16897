// How the number of doors changes the time of the start, and the cost of a packet.
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { enough, measured, warmUp } from "./flood.ts";
import { cpu } from "./probe.ts";
import { type Bench, type Family, figures, inTurns, lines } from "./rounds.ts";
import {
  begin,
  type Job,
  pinApart,
  type Running,
  type Subject,
  unpin,
  untilListening,
  untilSettled,
} from "./subject.ts";
import type { Row } from "./table.ts";

const DOORS = [1, 10, 100, 1_000, 10_000];
/** 0.8 takes minutes to start with more. */
const MAX_OF_08 = 1_000;

/** Every door has three ports of its own, until there are more doors than ports. */
function job(doors: number): Job {
  const port = (n: number) => 1024 + ((n * 7919) % 64_000);
  const sequence = (i: number) => [port(3 * i), port(3 * i + 1), port(3 * i + 2)];
  const sections = Array.from(
    { length: doors },
    (_, i) => `[door${i}]\n  sequence = ${sequence(i)}\n  seq_timeout = 5\n  tcpflags = syn\n`,
  );
  return { config: `[options]\n${sections.join("")}`, ports: sequence(0) };
}

export async function doors(bench: Bench): Promise<Family> {
  const most = bench.quick ? 1_000 : 10_000;
  const xs = DOORS.filter((count) => count <= most);
  const results = await inTurns(bench, "doors", ["ours", "judge", "loop"], async (subject) => {
    const rounds = new Map<number, { start: number; cost: number }>();
    for (const x of xs) {
      // 0.8 takes half a minute to start with a thousand doors.
      if (subject === "judge" && x > (bench.quick ? 100 : MAX_OF_08)) break;
      rounds.set(x, await withDoors(bench, subject, x));
    }
    return rounds;
  });
  const cost = (x: number) => (round: NonNullable<typeof results.ours>[number]) => round.get(x)?.cost ?? Number.NaN;
  const most08 = bench.quick ? 100 : MAX_OF_08;
  const rows: Row[] = [
    {
      what: `start with ${most08.toLocaleString("en")} doors, ms`,
      figures: figures(results, (round) => round.get(most08)!.start),
      reach: { most: 1 / 20, of: "judge" },
    },
    {
      what: `a packet with ${most08.toLocaleString("en")} doors ÷ with one`,
      figures: figures(results, (round) => cost(most08)(round) / cost(1)(round)),
      reach: { most: 1.3 },
    },
  ];
  if (!bench.quick) {
    const ours = { ours: results.ours! };
    rows.push(
      { what: "start with 10,000 doors, ms", figures: figures(ours, (round) => round.get(10_000)!.start) },
      {
        what: "a packet with 10,000 doors ÷ with one",
        figures: figures(ours, (round) => cost(10_000)(round) / cost(1)(round)),
        reach: { most: 2 },
      },
    );
  }
  const curve = {
    title: "Cost of a packet by doors",
    across: "doors",
    up: "CPU µs a packet",
    lines: lines(results, xs, (round, x) => cost(x)(round)),
  };
  return { rows, curves: [curve] };
}

async function withDoors({ wire, quick }: Bench, subject: Subject, count: number) {
  const { config, ports } = job(count);
  unpin();
  const before = performance.now();
  const running = await begin(wire, subject, { config, ports });
  let listening: number;
  if (subject === "judge") listening = await untilAtRest(running);
  else {
    await untilListening(running, 120_000, 2);
    listening = performance.now();
  }
  const start = listening - before;
  await untilSettled(running);
  pinApart(running);
  const knock = { from: wire.client, to: wire.server, port: ports[0]! };
  await measured(wire, running, [knock], subject === "judge" ? 5_000 : warmUp(subject));
  const { cost } = await measured(
    wire,
    running,
    [knock],
    subject === "judge" ? 20_000 : quick ? 60_000 : enough(subject),
  );
  await running.stop();
  return { start, cost };
}

/**
 * When 0.8 has started. With a hundred doors its filter does not fit into the kernel, so the kernel cannot show it, and -v
 * would log a line per packet. But 0.8 does all its work before it listens, so this is the time when it last worked.
 */
async function untilAtRest(running: Running): Promise<number> {
  let last = performance.now();
  for (let used = cpu(running); performance.now() - last < 200; await sleep(5)) {
    const now = cpu(running);
    if (now - used > 500_000) last = performance.now();
    used = now;
  }
  return last;
}
