// Attacks on a door with codes: floods of the blocks of its clients, while twenty real clients send one code each.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CONFIG, client, clientsOf, knocks, ports, syn, UNUSED } from "../test/live/code-clients.ts";
import { Daemon } from "../test/live/daemon.ts";
import { mostMemory } from "../test/live/process-stats.ts";
import type { Wire } from "../test/live/wire.ts";
import { cpu, packets, untilIdle } from "./probe.ts";

const CLIENTS = 20;
const SECONDS = 15;
const RATE = 100_000;

interface CodeSiege {
  readonly what: string;
  /** How many blocks of the first client the flood sends to, in turn. */
  readonly blocks: number;
  readonly vary: "source" | "none";
}

const SIEGES: readonly CodeSiege[] = [
  { what: "one port of one block, each by a new source", blocks: 1, vary: "source" },
  { what: "a port of each block, each by a new source", blocks: 3, vary: "source" },
  { what: "whole wrong codes, by one source", blocks: 3, vary: "none" },
];

/** Runs the rows whose text contains `only`. */
export async function siegeCodes(wire: Wire, only: string): Promise<void> {
  const rows = SIEGES.filter(({ what }) => `codes: ${what}`.includes(only));
  if (rows.length === 0) return;
  console.log(
    `\n| codes | packets/s | of ${CLIENTS} got in | packets lost | memory, MiB | CPU, % |\n|---|---|---|---|---|---|`,
  );
  for (const siege of rows) console.log(`| ${[siege.what, ...(await lay(wire, siege))].join(" | ")} |`);
}

async function lay(wire: Wire, { blocks, vary }: CodeSiege): Promise<(string | number)[]> {
  const text = Array.from({ length: CLIENTS }, (_, i) => client(i)).join("");
  const config = CONFIG.replace("[options]", "[options]\n  LogFile = @dir@/log");
  const files = { clients: text, "clients.json": UNUSED };
  const args = ["-i", "eth0", "-c", "@dir@/knockd.conf"]; // without -v, as the service runs
  const daemon = await Daemon.start(wire, "ours", config, args, { files, ready: "" });
  await untilIdle(daemon);
  const attacked = clientsOf(text)[0]!.blocks.slice(0, blocks);
  const templates = attacked.map((first) => syn(wire, wire.client, first + 7));
  packets(daemon); // sets the kernel's counters to 0
  const before = cpu(daemon);
  const flood = wire.flood({ templates, count: SECONDS * RATE, rate: RATE, vary });
  // The clients begin in the middle of the flood, when a million attempts are live.
  await sleep(SECONDS * 300);
  const each = (SECONDS * 0.5) / CLIENTS;
  await wire.send(
    Array.from({ length: CLIENTS }, (_, i) =>
      knocks(wire, `10.9.9.${i + 1}`, ports(text, `c${i}`), 0.2, i * each),
    ).flat(),
  );
  const { sent, seconds } = await flood;
  const { dropped } = packets(daemon);
  const used = (cpu(daemon) - before) / 1e9 / seconds;
  await settled(daemon);
  const came = new Set(daemon.commands().filter((line) => /^c\d+ 10\.9\.9\./.test(line))).size;
  if (!readFileSync(join(daemon.dir, "log"), "latin1").includes("Stage 1"))
    throw new Error("the flood was not captured");
  const memory = mostMemory(daemon.pid);
  await daemon.stop("SIGKILL");
  const rate = (Math.round(sent / seconds / 100) * 100).toLocaleString("en");
  return [rate, came, dropped, memory, Math.round(used * 100)];
}

/** Waits until no command has begun for a second. */
async function settled(daemon: Daemon): Promise<void> {
  for (let before = -1, now = daemon.commands().length; before !== now; now = daemon.commands().length) {
    before = now;
    await sleep(1000);
  }
}
