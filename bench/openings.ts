// Built-in doors under load: 50,000 clients per second make their last knock. And what the gate costs for packets to ports
// that it does not guard.
import { setTimeout as sleep } from "node:timers/promises";
import { frame, type TcpFlag } from "../test/frame.ts";
import type { Daemon } from "../test/live/daemon.ts";
import { Wire } from "../test/live/wire.ts";
import { cpu, packets, startQuietly, untilIdle } from "./probe.ts";
import type { Bench, Family } from "./rounds.ts";
import { pinApart, unpin } from "./subject.ts";
import { ofRounds, type Row } from "./table.ts";

const PORTS = [7000, 8000, 9000] as const;
const CLIENTS = 60_000;
const RATE = 50_000;
const SEQUENCE = `[ssh]\nsequence = ${PORTS}\nseq_timeout = 60\ntcpflags = syn\n`;
const OPENS = `${SEQUENCE}open = tcp/22\nfor = 10m\n`;
/** Milliseconds after the start. The daemon has then finished its warm-up. */
const SETTLED_MS = 3000;
const PASSING = 300_000;

interface Load {
  /** Percent of the packets. */
  readonly lost: number;
  readonly opened: number;
  /** Microseconds of the daemon's processor time for a last knock with its opening. */
  readonly micros: number;
}

export async function openings({ rounds }: Bench): Promise<Family> {
  const loads: Load[] = [];
  const costs: number[][] = [[], []];
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`openings: round ${round + 1} of ${rounds}\n`);
    loads.push(await load());
    for (const [kind, cost] of (await passing()).entries()) costs[kind]!.push(cost);
  }
  const row = (what: string, values: readonly number[], reach?: Row["reach"]): Row => ({
    what,
    figures: { ours: ofRounds(values) },
    ...(reach && { reach }),
  });
  return {
    rows: [
      row(
        "60,000 clients, 50,000 last knocks per second: packets lost, %",
        loads.map(({ lost }) => lost),
        { most: 0 },
      ),
      row(
        "the same: clients that got in",
        loads.map(({ opened }) => opened),
      ),
      row(
        "the same: CPU of a last knock with its opening, µs (20: a whole processor at 50,000)",
        loads.map(({ micros }) => micros),
        { most: 20 },
      ),
      row("the gate: cost of a packet within a connection, µs", costs[0]!, { most: 0.4 }),
      row("the gate: cost of a SYN for another port, µs", costs[1]!, { most: 0.4 }),
    ],
  };
}

async function load(): Promise<Load> {
  const wire = await Wire.open();
  try {
    const daemon = await startQuietly(wire, "ours", OPENS);
    await sleep(SETTLED_MS);
    pinApart(daemon);
    packets(daemon);
    let [lost, sent, before] = [0, 0, 0];
    for (const port of PORTS) {
      before = await untilIdle(daemon);
      const template = frame({ from: "10.77.1.0", to: wire.server, protocol: "tcp", port, seq: port });
      await wire.flood({ templates: [template], count: CLIENTS, rate: RATE, vary: "source" });
      await untilIdle(daemon);
      const { received, dropped } = packets(daemon);
      lost += dropped;
      sent += received + dropped;
    }
    const micros = (cpu(daemon) - before) / 1000 / CLIENTS;
    const opened = await openOf(wire);
    await daemon.stop();
    return { lost: (100 * lost) / sent, opened, micros };
  } finally {
    unpin();
    await wire.close();
  }
}

async function openOf(wire: Wire): Promise<number> {
  const argv = ["sh", "-c", "nft list set inet knockd open4 | grep -o ' expires ' | wc -l"];
  const { stdout } = await wire.run("server", argv, { timeoutMs: 60_000 });
  return Number(stdout);
}

/** How much more a packet costs with the gate than with a door that has a command. Measured in turns. */
async function passing(): Promise<number[]> {
  const wires = [await Wire.open(), await Wire.open()] as const;
  const daemons: Daemon[] = [];
  try {
    for (const [i, config] of [`${SEQUENCE}command = true\n`, OPENS].entries()) {
      const daemon = await startQuietly(wires[i]!, "ours", config);
      daemons.push(daemon);
      pinApart(daemon);
    }
    await sleep(SETTLED_MS);
    const costs: number[] = [];
    for (const flags of [["ack"], ["syn"]] as const) {
      const [without, withGate] = [await fastest(wires[0], flags), await fastest(wires[1], flags)];
      costs.push((withGate - without) * 1e6);
    }
    return costs;
  } finally {
    unpin();
    for (const daemon of daemons) await daemon.stop();
    for (const wire of wires) await wire.close();
  }
}

/** Seconds per packet, the fastest of five runs. It is the sender's time, in which the kernel also runs the receiver's hooks. */
async function fastest(wire: Wire, flags: readonly TcpFlag[]): Promise<number> {
  const template = frame({ from: wire.client, to: wire.server, protocol: "tcp", port: 4444, flags });
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const { sent, seconds } = await wire.flood({ templates: [template], count: PASSING, rate: 0, vary: "none" });
    least = Math.min(least, seconds / sent);
  }
  return least;
}
