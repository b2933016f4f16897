// What a packet costs when one source sends matching SYNs at full speed: first knocks, whole sequences, IPv6, with a log.
import { frame } from "../test/frame.ts";
import type { Wire } from "../test/live/wire.ts";
import { cpu, packets, untilIdle } from "./probe.ts";
import { type Bench, type Family, figures, inTurns } from "./rounds.ts";
import { type Job, pinApart, type Running, type Subject, start } from "./subject.ts";
import type { Row } from "./table.ts";

export interface Flood {
  /** Frames per second that the sender reached. */
  rate: number;
  /** The share of frames that found no room in the daemon's ring, 0 to 1. */
  lost: number;
  /** Seconds of processor time per million received packets. */
  cost: number;
}

export const PORTS = [7000, 8000, 9000];
const ALONE = 7100;
const MAX_PACKETS = 1_000_000;
/** Packets before the measurement. After that many, V8 has compiled what a flood needs. The other programs are compiled. */
export const warmUp = (subject: Subject): number => (subject === "ours" ? 600_000 : FIRST);
const FIRST = 60_000;
/** How many packets are measured. 0.8 takes as long for 200,000 as the others for several times as many. */
export const enough = (subject: Subject): number => (subject === "judge" ? 200_000 : 800_000);
let floodsSent = 0;

// No door has a command, because this measures packets and not the start of a process.
const JOB: Job = {
  config: `[options]
[door]
  sequence    = ${PORTS}
  seq_timeout = 5
  tcpflags    = syn
[alone]
  sequence = ${ALONE}
  tcpflags = syn
`,
  ports: [...PORTS, ALONE],
};
const LOGGED: Job = { ...JOB, args: ["-g", "@dir@/log"] };

interface Kind {
  readonly what: string;
  readonly ports: readonly number[];
  /** The port of a single knock before the flood. */
  readonly before?: number;
  readonly family?: 6;
  readonly job?: Job;
  readonly quick?: boolean;
  /** The goal: 0.8 needs at least this many times as much. */
  readonly times?: number;
}

const KINDS: readonly Kind[] = [
  { what: "first knocks", ports: [7000], times: 15, quick: true },
  { what: "second knocks", ports: [8000], before: 7000, times: 15 },
  { what: "whole sequences", ports: PORTS, times: 15, quick: true },
  { what: "a door of one knock", ports: [ALONE], times: 15 },
  { what: "first knocks, IPv6", ports: [7000], family: 6, times: 15 },
  { what: "whole sequences, IPv6", ports: PORTS, family: 6, times: 15 },
  { what: "first knocks, log file on", ports: [7000], job: LOGGED, times: 6 },
  { what: "whole sequences, log file on", ports: PORTS, job: LOGGED, times: 6 },
];
const COLD: Kind = { what: `the first ${FIRST.toLocaleString("en")} packets after the start`, ports: [7000] };

export async function floods(bench: Bench): Promise<Family> {
  const kinds = bench.quick ? KINDS.filter((kind) => kind.quick) : KINDS;
  const rows: Row[] = [];
  const losses: Row[] = [];
  const byKind = await inTurns(bench, "flood", ["ours", "judge", "loop", "immediate"], (subject) =>
    subject === "immediate"
      ? oneFlood(bench.wire, subject)
      : each(bench.wire, subject, kinds, bench.quick ? FIRST : enough(subject)),
  );
  for (const kind of [...kinds, COLD]) {
    const of = (what: keyof Flood, scale = 1) =>
      figures(byKind, (round) => (round.get(kind)?.[what] ?? Number.NaN) * scale);
    rows.push({
      what: `${kind.what} at full speed, CPU s per million`,
      figures: of("cost"),
      ...(kind.times && { reach: { most: 1 / kind.times, of: "judge" as const } }),
    });
    losses.push({ what: `${kind.what} at full speed, lost, %`, figures: of("lost", 100), reach: { most: 0 } });
  }
  const rates = Object.values(byKind).flatMap((rounds) =>
    rounds.flatMap((one) => [...one.values()].map((f) => f.rate)),
  );
  const thousands = (rate: number) => `${Math.round(rate / 1000)},000`;
  const speed = `Full speed was ${thousands(Math.min(...rates))} to ${thousands(Math.max(...rates))} packets per second.`;
  return { rows: [...rows, ...losses], notes: [speed] };
}

/** Starts the program once per job, and floods it with `count` packets of each kind. */
async function each(wire: Wire, subject: Subject, all: readonly Kind[], count: number): Promise<Map<Kind, Flood>> {
  const done = new Map<Kind, Flood>();
  for (const job of [JOB, LOGGED]) {
    const kinds = all.filter((kind) => (kind.job ?? JOB) === job);
    if (kinds.length === 0) continue;
    const running = await start(wire, subject, job);
    pinApart(running);
    if (job === JOB) done.set(COLD, await flood(wire, running, COLD, FIRST));
    // V8 optimises for the kinds that it has seen, and compiles again when a new one comes. So show it all kinds first.
    for (const kind of kinds) await flood(wire, running, kind, FIRST);
    for (const kind of kinds) {
      if (subject === "ours") await flood(wire, running, kind, warmUp(subject));
      done.set(kind, await flood(wire, running, kind, count));
    }
    await running.stop();
  }
  return done;
}

async function oneFlood(wire: Wire, subject: Subject): Promise<Map<Kind, Flood>> {
  const running = await start(wire, subject, JOB);
  pinApart(running);
  const done = new Map([[KINDS[0]!, await flood(wire, running, KINDS[0]!, warmUp(subject))]]);
  await running.stop();
  return done;
}

async function flood(wire: Wire, running: Running, kind: Kind, count: number): Promise<Flood> {
  const template = (port: number) =>
    kind.family === 6 ? { from: wire.client6, to: wire.server6, port } : { from: wire.client, to: wire.server, port };
  if (kind.before) {
    await wire.send([{ at: 0, frame: frame({ ...template(kind.before), protocol: "tcp", seq: floodsSent + 1 }) }]);
    await untilIdle(running);
  }
  return measured(wire, running, kind.ports.map(template), count);
}

/** Each packet has its own source port and sequence number, so none counts as a retransmission. */
export async function measured(
  wire: Wire,
  running: Running,
  knocks: readonly { from: string; to: string; port: number }[],
  count: number,
  rate = 0,
): Promise<Flood> {
  const seq = (floodsSent++ * MAX_PACKETS) % 2 ** 32;
  const templates = knocks.map((knock) => frame({ ...knock, protocol: "tcp", sourcePort: 1024, seq }));
  const before = cpu(running);
  packets(running); // sets the kernel's counters to 0
  const { sent, seconds } = await wire.flood({ templates, count, rate, vary: "port" });
  const used = (await untilIdle(running)) - before;
  const { received, dropped } = packets(running);
  if (received + dropped < sent) throw new Error(`${running.subject}: ${received + dropped} of ${sent} frames arrived`);
  return { rate: sent / seconds, lost: dropped / sent, cost: used / 1000 / received };
}
