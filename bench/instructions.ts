// How many instructions a packet and a knock take, counted by valgrind: those of the daemon, without the kernel and without
// the command. They hardly change between processors, so they also apply to a Pi. Times do not.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../test/frame.ts";
import { repo, type Wire } from "../test/live/wire.ts";
import { PORTS } from "./flood.ts";
import { packets } from "./probe.ts";
import type { Bench, Family } from "./rounds.ts";
import { untilListening } from "./subject.ts";
import { ofRounds, type Row } from "./table.ts";

interface Kind {
  readonly what: string;
  readonly ports: readonly number[];
  readonly command?: string;
  /**
   * Packets per second, and two numbers of packets. The difference between their counts leaves out the start. Under
   * valgrind, 0.8 cannot receive 10,000 packets per second.
   */
  readonly ours: readonly [rate: number, few: number, many: number];
  readonly judge: readonly [rate: number, few: number, many: number];
  /** How many packets one unit of this row has. */
  readonly of: number;
}

const KINDS: readonly Kind[] = [
  {
    what: "a first knock, at 10,000 per second",
    ports: [7000],
    ours: [10_000, 1e5, 5e5],
    judge: [1000, 2000, 6000],
    of: 1,
  },
  {
    what: "a packet of a sequence, at 10,000 per second",
    ports: PORTS,
    ours: [10_000, 1e5, 5e5],
    judge: [1000, 2000, 6000],
    of: 1,
  },
  {
    what: "a knock of three packets, with its command",
    ports: PORTS,
    command: "true",
    ours: [60, 300, 900],
    judge: [60, 300, 900],
    of: 3,
  },
];
const PROGRAMS = {
  ours: [process.execPath, join(repo, process.env.KNOCKD ?? "dist/src/knockd.js")],
  judge: [join(repo, "build/judge/usr/sbin/knockd")],
} as const;
/** After this time V8 has returned memory, and a program under valgrind, which is slow, has handled all packets. */
const SETTLED_MS = 6000;
/** The packets before a measurement, in which V8 compiles. Under valgrind that takes long. */
const [WARM_UP, WARM_RATE] = [30_000, 3000] as const;

/** Counts each once. V8 compiles at unpredictable times, so two counts of this many packets differ by a tenth. */
export async function instructions({ wire }: Bench): Promise<Family> {
  const rows: Row[] = [];
  for (const kind of KINDS) {
    const figures: Record<string, ReturnType<typeof ofRounds>> = {};
    for (const who of ["ours", "judge"] as const) {
      process.stderr.write(`instructions: ${kind.what}, ${who}\n`);
      const [rate, few, many] = kind[who];
      const [before, after] = [await counted(wire, who, kind, rate, few), await counted(wire, who, kind, rate, many)];
      figures[who] = ofRounds([(kind.of * (after - before)) / (many - few)]);
    }
    rows.push({ what: `instructions: ${kind.what}`, figures });
  }
  return { rows, notes: ["Counted by valgrind on this machine, without the kernel's instructions."] };
}

async function counted(wire: Wire, who: "ours" | "judge", kind: Kind, rate: number, count: number): Promise<number> {
  const config = join(wire.dir, "instructions.conf");
  const command = kind.command === undefined ? "" : `  command = ${kind.command}\n`;
  writeFileSync(config, `[options]\n[door]\n  sequence = ${PORTS}\n  seq_timeout = 5\n  tcpflags = syn\n${command}`);
  const tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--smc-check=all-non-file"];
  const child = wire.spawn("server", [...tool, ...PROGRAMS[who], "-i", "eth0", "-c", config], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr!.on("data", (text) => (said += text));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const running = { subject: who, pid: child.pid!, says: () => said, commands: () => [], stop: async () => {} };
  await untilListening(running, 120_000);
  await sleep(SETTLED_MS);
  const templates = kind.ports.map((port) => frame({ from: wire.client, to: wire.server, protocol: "tcp", port }));
  if (rate > WARM_RATE) await wire.flood({ templates, count: WARM_UP, rate: WARM_RATE, vary: "port" });
  await wire.flood({ templates, count, rate, vary: "port" });
  await sleep(SETTLED_MS);
  const { dropped } = packets(running);
  child.kill("SIGTERM");
  await ended;
  // valgrind also reports 0.8's children until they have become the command.
  const [, sum] = new RegExp(`==${child.pid}== Collected : (\\d+)`).exec(said) ?? [];
  if (sum === undefined || dropped > 0)
    throw new Error(`valgrind counts nothing, or ${dropped} packets were lost: ${said}`);
  return Number(sum);
}
