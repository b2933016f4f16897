// What a packet costs: one source that sends matching SYNs as fast as it can.
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { frame } from "../test/frame.ts";
import type { Daemon, Which } from "../test/live/daemon.ts";
import type { Wire } from "../test/live/wire.ts";
import { cpu, packets, startQuietly, untilIdle } from "./probe.ts";

export interface Flood {
  /** Frames per second that the sender managed. */
  rate: number;
  /** The part of the frames for which there was no room in the daemon's ring, 0 to 1. */
  lost: number;
  /** Seconds of processor time for a million packets that got room. */
  cost: number;
}

export interface Floods {
  /** A first knock, again and again. */
  firstKnocks: Flood;
  /** The whole sequence, again and again. */
  sequences: Flood;
}

const PORTS = [7000, 8000, 9000];
const WARM_UP = 100_000;
const MOST_PACKETS = 1_000_000;
let floodsSent = 0;
// No command: what is measured is the way of a packet, not how a process is started.
const CONFIG = `[options]
[door]
  sequence    = ${PORTS}
  seq_timeout = 5
  tcpflags    = syn
`;

/** One daemon, started for this; each flood is of `count` packets. */
export async function floods(wire: Wire, which: Which, count: number): Promise<Floods> {
  const daemon = await startQuietly(wire, which, CONFIG);
  apart(daemon);
  // Not counted: Node's compiler at work, once in the daemon's life. What it has compiled for one kind it compiles
  // again for the other.
  await flood(wire, daemon, PORTS, WARM_UP);
  await flood(wire, daemon, PORTS.slice(0, 1), WARM_UP);
  const firstKnocks = await flood(wire, daemon, PORTS.slice(0, 1), count);
  const sequences = await flood(wire, daemon, PORTS, count);
  await daemon.stop();
  return { firstKnocks, sequences };
}

/** Every packet is from another port than the one before and has a sequence number of its own: none is sent again. */
async function flood(wire: Wire, daemon: Daemon, ports: readonly number[], count: number): Promise<Flood> {
  const seq = (floodsSent++ * MOST_PACKETS) % 2 ** 32;
  const templates = ports.map((port) =>
    frame({ from: wire.client, to: wire.server, protocol: "tcp", port, sourcePort: 1024, seq }),
  );
  const before = cpu(daemon);
  packets(daemon); // from here on they count
  const { sent, seconds } = await wire.flood({ templates, count, rate: 0, vary: "port" });
  const used = (await untilIdle(daemon)) - before;
  const { received, dropped } = packets(daemon);
  if (received + dropped !== sent) throw new Error(`${daemon.which}: of ${sent} frames ${received + dropped} came`);
  return { rate: sent / seconds, lost: dropped / sent, cost: used / 1000 / received };
}

/**
 * The sender on the first processor, the daemon on the others: which of the two gets the time is not left to chance.
 * The kernel brings a packet to the ring on the sender's, so that the daemon is charged for its own work only.
 */
function apart(daemon: Daemon): void {
  if (cpus().length < 2) return;
  const pin = (pid: number, list: string) => execFileSync("taskset", ["-apc", list, `${pid}`], { timeout: 10_000 });
  pin(process.pid, "0"); // the sender is a child of ours
  pin(daemon.pid, `1-${cpus().length - 1}`);
}
