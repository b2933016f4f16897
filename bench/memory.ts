// Memory and wake-ups when nothing happens, and memory after a thousand knocks.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../test/frame.ts";
import { Wire } from "../test/live/wire.ts";
import { PORTS } from "./flood.ts";
import { cpu, untilIdle } from "./probe.ts";
import { type Bench, type Family, figures, type Results } from "./rounds.ts";
import { type Job, type Running, type Subject, start, unpin } from "./subject.ts";

const KNOCKS = 1000;
/** About nine seconds after knockd-ng has given memory back, V8 collects garbage once. */
const TIDY_SECONDS = 13;
const JOB: Job = {
  config: `[options]\n[door]\n  sequence = ${PORTS}\n  seq_timeout = 5\n  tcpflags = syn\n  command = true\n`,
  ports: PORTS,
  command: "true",
};

/** Resident memory in MB, now and at its peak. */
export function memory({ pid }: Pick<Running, "pid">): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const of = (what: string) => Number(new RegExp(`^${what}:\\s+(\\d+)`, "m").exec(status)?.[1]) / 1024;
  return { now: of("VmRSS"), peak: of("VmHWM") };
}

/** Starts a new peak. */
export function forgetPeak({ pid }: Pick<Running, "pid">): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** Measures all programs at the same time, each in its own namespaces: idle programs do not disturb each other. */
export async function idle(bench: Bench): Promise<Family> {
  const { quick, rounds } = bench;
  const seconds = quick ? 10 : 60;
  unpin();
  process.stderr.write(`idle: ${seconds} s, ${rounds} of each at once\n`);
  const results: Results<Awaited<ReturnType<typeof doNothing>>> = {};
  const subjects: Subject[] = ["ours", "judge", "loop"];
  await Promise.all(
    Array.from({ length: rounds }, () => subjects)
      .flat()
      .map(async (subject) => {
        const round = await doNothing(subject, seconds);
        results[subject] = [...(results[subject] ?? []), round];
      }),
  );
  const knocked = { ours: results.ours!, judge: results.judge! };
  return {
    rows: [
      {
        what: `wake-ups in the first ${TIDY_SECONDS} idle seconds`,
        figures: figures(results, ({ first }) => first[0]),
      },
      { what: "CPU ms meanwhile", figures: figures(results, ({ first }) => first[1]) },
      {
        what: `wake-ups in the next ${seconds}`,
        figures: figures(results, ({ then }) => then[0]),
        reach: { most: 4 },
      },
      { what: "CPU ms meanwhile", figures: figures(results, ({ then }) => then[1]) },
      { what: "memory idle, RSS in MB", figures: figures(results, ({ resident }) => resident), reach: { most: 25 } },
      {
        what: `memory 5 s after ${KNOCKS.toLocaleString("en")} knocks, RSS in MB`,
        figures: figures(knocked, ({ atOnce }) => atOnce),
        reach: { most: 30 },
      },
      {
        what: "the same, a minute later",
        figures: figures(knocked, ({ later }) => later),
        reach: { most: 30 },
      },
    ],
  };
}

async function doNothing(subject: Subject, seconds: number) {
  const wire = await Wire.open();
  try {
    const running = await start(wire, subject, JOB);
    const first = await over(running, TIDY_SECONDS);
    const then = await over(running, seconds);
    const resident = memory(running).now;
    if (subject !== "loop") await knockOften(wire, running);
    await sleep(5000);
    const atOnce = memory(running).now;
    await sleep(seconds * 1000);
    const later = memory(running).now;
    await running.stop();
    return { first, then, resident, atOnce, later };
  } finally {
    await wire.close();
  }
}

/** Wake-ups, and milliseconds of processor time. */
async function over(running: Running, seconds: number): Promise<readonly [number, number]> {
  const before = [wakeUps(running), cpu(running)] as const;
  await sleep(seconds * 1000);
  return [wakeUps(running) - before[0], (cpu(running) - before[1]) / 1e6];
}

async function knockOften(wire: Wire, running: Running): Promise<void> {
  const knocks = Array.from({ length: KNOCKS }, (_, i) =>
    PORTS.map((port, stage) => ({
      at: 0.01 * i + 0.002 * stage,
      frame: frame({ from: `10.77.${4 + (i >> 8)}.${i & 255}`, to: wire.server, protocol: "tcp", port, seq: i }),
    })),
  ).flat();
  await wire.send(knocks);
  await untilIdle(running);
}

/** How many times a thread of the program has gone to sleep, and so was woken up. */
function wakeUps({ pid }: Running): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const of = (thread: string) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
    return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
  };
  return threads.reduce((sum, thread) => sum + of(thread), 0);
}
