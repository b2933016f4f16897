// How long a client waits: from the last SYN on the wire to the first instruction of the command.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../test/frame.ts";
import type { Wire } from "../test/live/wire.ts";
import { PORTS } from "./flood.ts";
import { probe } from "./probe.ts";
import { type Bench, type Family, inTurns, type Results } from "./rounds.ts";
import { type Subject, start, unpin } from "./subject.ts";
import { ofRounds, percentile, type Row, short } from "./table.ts";

/** Milliseconds, one per client whose command ran. */
type Waits = number[];

/** Each client has its own address, which its command prints. */
const KNOCKERS = { route: "10.77.0.128/25", address: (i: number) => `10.77.0.${128 + i}` };
const MS = 1e6; // nanoseconds

/** The daemons see the probe in its place: knockd-ng starts only programs of the system without a shell. */
const SYSTEM_PROGRAM = "/usr/bin/true";
const WITH_PROBE = 'mount --bind "$1" "$2"; shift 2; exec "$@"';

/** The door's command: plain words, which knockd-ng starts without a shell, and a line that needs a shell. */
const COMMANDS = {
  plain: { daemons: () => `${SYSTEM_PROGRAM} note %IP%`, loop: () => `${probe()} note %IP%` },
  shell: {
    daemons: () => `${SYSTEM_PROGRAM} stamp %IP% >> $KNOCK_LOG`,
    loop: () => `${probe()} stamp %IP% >> $KNOCK_LOG`,
  },
};
type Kind = keyof typeof COMMANDS;

export async function latency(bench: Bench): Promise<Family> {
  const { wire, rounds, quick } = bench;
  const knocks = quick ? 8 : 40;
  unpin();
  const shell = await alone(wire, rounds * knocks);
  const measure = (kind: Kind) =>
    inTurns(bench, `latency, ${kind} command`, ["ours", "judge", "immediate"], (subject) =>
      knockOneByOne(wire, subject, knocks, kind),
    );
  const plain = await measure("plain");
  const byShell = quick ? undefined : await measure("shell");
  const missed = [plain, byShell ?? {}].flatMap((waits) =>
    Object.entries(waits).map(([subject, all]) => [subject, rounds * knocks - all.flat().length] as const),
  );
  const notes = [
    `/bin/sh and the command alone, without a daemon, take ${short(percentile(shell, 50))} ms (p50) and ${short(percentile(shell, 99))} ms (p99).`,
    ...missed
      .filter(([, count]) => count > 0)
      .map(([subject, count]) => `${subject}: ${count} sequences opened nothing.`),
  ];
  const what = "last SYN → command begins, p50, ms";
  const rows: Row[] = [
    { what, figures: all(plain, 50), reach: { most: 1 / 15, of: "judge" } },
    { what: "the same, p99, ms", figures: all(plain, 99), reach: { most: 1 / 10, of: "judge" } },
  ];
  if (byShell !== undefined) {
    rows.push(
      {
        what: `a command that needs a shell: ${what}`,
        figures: all(byShell, 50),
        reach: { most: 1 / 15, of: "judge" },
      },
      { what: "the same, p99, ms", figures: all(byShell, 99), reach: { most: 1 / 10, of: "judge" } },
      {
        what: "the same, p50, ms (goal: a multiple of the C loop's)",
        figures: all(byShell, 50),
        reach: { most: 1.25, of: "immediate" },
      },
    );
  }
  return { rows, notes };
}

/** The percentile over all rounds, with the range of the single rounds. */
function all(results: Results<Waits>, percent: number): Row["figures"] {
  const figures: Row["figures"] = {};
  for (const [subject, rounds] of Object.entries(results)) {
    const spread = ofRounds(rounds.map((waits) => percentile(waits, percent)));
    figures[subject as Subject] = { ...spread, value: percentile(rounds.flat(), percent) };
  }
  return figures;
}

/** Starts one daemon. The knocks come one by one, so that it sleeps between them. */
async function knockOneByOne(wire: Wire, subject: Subject, knocks: number, kind: Kind): Promise<Waits> {
  const { daemons, loop } = COMMANDS[kind];
  const running = await start(wire, subject, {
    config: `[options]
[door]
  sequence      = ${PORTS}
  seq_timeout   = 5
  tcpflags      = syn
  start_command = ${daemons()}
`,
    ports: PORTS,
    command: loop(),
    by: ["unshare", "-m", "sh", "-ec", WITH_PROBE, "sh", probe(), SYSTEM_PROGRAM],
  });
  // Every client address must exist. Otherwise the server would send ARP requests for each SYN that it refuses.
  await wire.run("client", ["ip", "route", "replace", "local", KNOCKERS.route, "dev", "lo"]);
  await sleep(Math.random() * 50); // 0.8 counts its 50 ms (see oneKnock) from its start: begin at a random moment of them
  const schedule = Array.from({ length: knocks }, (_, i) => oneKnock(wire, i)).flat();
  const left = await wire.send(schedule);
  const deadline = performance.now() + 2000;
  while (running.commands().length < knocks && performance.now() < deadline) await sleep(20);
  const commands = new Map(running.commands().map((line) => line.split(" ") as [string, string]));
  await running.stop();

  const waits: number[] = [];
  for (let i = 0; i < knocks; i++) {
    const begun = commands.get(KNOCKERS.address(i));
    const last = left[(i + 1) * PORTS.length - 1]!;
    if (begun !== undefined) waits.push((Number(begun) - last) / MS);
  }
  return waits;
}

/** The command that needs a shell, started by a C program that does nothing else. No daemon that uses /bin/sh can be faster. */
async function alone(wire: Wire, runs: number): Promise<number[]> {
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
  // 0.8 looks every 50 ms. Spread the knocks evenly over these 50 ms (by the golden ratio), so that chance plays no part.
  const begin = 0.15 * i + 0.05 * ((i * 0.618034) % 1);
  const from = KNOCKERS.address(i);
  return PORTS.map((port, stage) => ({
    at: begin + 0.03 * stage,
    frame: frame({ from, to: wire.server, protocol: "tcp", port, sourcePort: 20_000 + 3 * i + stage, seq: 1 + i }),
  }));
}
