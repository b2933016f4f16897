// How long a knocker waits: from the last SYN on the wire to the first instruction of the command.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../test/frame.ts";
import type { Which } from "../test/live/daemon.ts";
import type { Wire } from "../test/live/wire.ts";
import { probe, startQuietly } from "./probe.ts";

export interface Latency {
  /** Milliseconds, one for each knock whose command ran, the first after the start of the daemon in front. */
  waits: number[];
  /** Knocks whose command has not run. */
  missed: number;
}

const PORTS = [7000, 8000, 9000];
/** Each knock comes from its own address, so that a command is never taken for another knock's. */
const KNOCKERS = { route: "10.77.0.128/25", address: (i: number) => `10.77.0.${128 + i}`, most: 126 };
const MS = 1e6; // nanoseconds

/** One daemon, started for this. Its knocks come one by one, so that it has always gone to sleep between them. */
export async function latency(wire: Wire, which: Which, knocks: number): Promise<Latency> {
  if (knocks > KNOCKERS.most) throw new Error(`more than ${KNOCKERS.most} knocks in one round`);
  const daemon = await startQuietly(
    wire,
    which,
    `[options]
[door]
  sequence      = ${PORTS}
  seq_timeout   = 5
  tcpflags      = syn
  start_command = ${probe()} stamp %IP% >> $KNOCK_LOG
`,
  );
  // Somebody answers for each knocker: else the server would ask for him in vain at every SYN that it refuses.
  await wire.run("client", ["ip", "route", "replace", "local", KNOCKERS.route, "dev", "lo"]);
  await sleep(Math.random() * 50); // 0.8 counts its 50 ms (see below) from its start, which must not set our pace too
  const schedule = Array.from({ length: knocks }, (_, i) => oneKnock(wire, i)).flat();
  const left = await wire.send(schedule);
  const deadline = performance.now() + 2000;
  while (daemon.commands().length < knocks && performance.now() < deadline) await sleep(20);
  const commands = new Map(daemon.commands().map((line) => line.split(" ") as [string, string]));
  await daemon.stop();

  const waits: number[] = [];
  for (let i = 0; i < knocks; i++) {
    const begun = commands.get(KNOCKERS.address(i));
    const last = left[(i + 1) * PORTS.length - 1]!;
    if (begun !== undefined) waits.push((Number(begun) - last) / MS);
  }
  return { waits, missed: knocks - waits.length };
}

/**
 * The same command, started by a C program that was only waiting to start it: no daemon that runs its commands by
 * /bin/sh can be faster.
 */
export async function alone(wire: Wire, runs: number): Promise<number[]> {
  const file = join(wire.dir, "alone");
  const { stdout } = await wire.run("server", [probe(), "alone", `${runs}`, `${probe()} stamp x >> ${file}`], {
    timeoutMs: runs * 100 + 10_000,
  });
  const begun = readFileSync(file, "utf8").trim().split("\n");
  rmSync(file);
  return stdout
    .trim()
    .split("\n")
    .map((started, i) => (Number(begun[i]!.split(" ")[1]) - Number(started)) / MS);
}

function oneKnock(wire: Wire, i: number): { at: number; frame: Buffer }[] {
  // 0.8 looks every 50 ms: knocks that come at even steps over these 50 ms (by the golden ratio) meet all its luck.
  const begin = 0.15 * i + 0.05 * ((i * 0.618034) % 1);
  const from = KNOCKERS.address(i);
  return PORTS.map((port, stage) => ({
    at: begin + 0.03 * stage,
    frame: frame({ from, to: wire.server, protocol: "tcp", port, sourcePort: 20_000 + 3 * i + stage, seq: 1 + i }),
  }));
}
