// `npm run siege`: what an attacker can do who forges addresses or knows a knock. Counts how many real clients get in
// meanwhile, and what it costs. Measures knockd-ng and Debian's knockd 0.8 in turns, each alone on its interface.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { socketPath } from "../src/control/socket-path.ts";
import { frame, type Segment } from "../test/frame.ts";
import { abuse } from "../test/live/abuse.ts";
import type { Daemon, Which } from "../test/live/daemon.ts";
import { descendants, mostMemory } from "../test/live/process-stats.ts";
import { needsRoot, Wire } from "../test/live/wire.ts";
import { siegeCodes } from "./code-siege.ts";
import { siegeGuard } from "./guard.ts";
import { cpu, packets, startQuietly } from "./probe.ts";
import { slowDisk } from "./slow-disk.ts";
import { machine } from "./table.ts";

const PORTS = [7000, 8000, 9000];
const FLOODED = 5000;
const CLIENTS = 20;
const SECONDS = 15;
const CONFIG = `[options]
  LogFile = @dir@/log
[door]
  sequence    = ${PORTS}
  seq_timeout = 10
  tcpflags    = syn
  command     = echo in %IP% >>$KNOCK_LOG
`;
const floodedBy = (command: string) => `[flooded]
  sequence    = ${FLOODED}:udp
  command     = ${command}
`;
const ONE_KNOCK = floodedBy("echo flooded %IP% >>$KNOCK_LOG");

interface Siege {
  what: string;
  /** Frames per second, and for how many seconds. */
  rate: number;
  seconds: number;
  config: string;
  /** The attacker sends these in turn. */
  attack: Segment[];
  vary: "source" | "none";
  /** Without 0.8, which does not know the config or has no socket. */
  alone?: boolean;
  /** A thousand programs use the daemon's socket. */
  abused?: boolean;
}

let wire: Wire;
const syn = (port: number, ipv6 = false): Segment => ({
  from: ipv6 ? wire.client6 : wire.client,
  to: ipv6 ? wire.server6 : wire.server,
  protocol: "tcp",
  port,
});
const udp = (): Segment => ({ ...syn(FLOODED), protocol: "udp" });

function sieges(): Siege[] {
  const first = { seconds: SECONDS, config: CONFIG, vary: "source" } as const;
  const openings = { rate: 4000, seconds: 2, config: CONFIG + ONE_KNOCK, attack: [udp()] };
  const strays = Array.from({ length: 63 }, (_, i) => syn(20_000 + i));
  return [
    ...[1_000, 20_000, 100_000].map((rate) => ({
      ...first,
      what: "first knocks, IPv4",
      rate,
      attack: [syn(PORTS[0]!)],
    })),
    ...[20_000, 100_000].map((rate) => ({
      ...first,
      what: "first knocks, IPv6, one /64",
      rate,
      attack: [syn(PORTS[0]!, true)],
    })),
    {
      ...first,
      what: "closed ports, 1 of 64 packets is a first knock",
      rate: 100_000,
      attack: [syn(PORTS[0]!), ...strays],
    },
    {
      ...first,
      what: "first knocks, 1,000 programs at the socket",
      rate: 20_000,
      attack: [syn(PORTS[0]!)],
      alone: true,
      abused: true,
    },
    { ...openings, what: "openings, each by a new source", vary: "source" },
    { ...openings, what: "openings by one source", vary: "none" },
    ...[
      ["takes 1 s", "sleep 1; echo flooded %IP% >>$KNOCK_LOG"],
      ["hangs", "sleep 1000"],
    ].map(([what, command]) => ({
      ...openings,
      what: `openings of a door whose command ${what}`,
      rate: 1000,
      config: CONFIG + floodedBy(command!),
      vary: "source" as const,
    })),
    {
      ...openings,
      what: "openings by one source, Seq_Cooldown = 10",
      config: `${CONFIG}${ONE_KNOCK}  Seq_Cooldown = 10\n`,
      vary: "none",
      alone: true,
    },
  ];
}

async function main(only: string): Promise<void> {
  console.log(`${machine()}\n`);
  console.log(
    `| siege | packets/s | of ${CLIENTS} got in | longest wait, s | packets lost | memory, MiB | CPU, % | log lines/s, at most | commands | at once |`,
  );
  console.log("|---|---|---|---|---|---|---|---|---|---|");
  wire = await Wire.open();
  try {
    for (const siege of sieges()) {
      if (!siege.what.includes(only)) continue;
      for (const which of siege.alone ? (["ours"] as const) : (["ours", "judge"] as const)) {
        console.log(
          `| ${[`${siege.what}: ${which === "ours" ? "knockd-ng" : "0.8"}`, ...(await lay(siege, which))].join(" | ")} |`,
        );
      }
    }
    await siegeGuard(wire, only);
    await siegeCodes(wire, only);
    if ("slow disk".includes(only)) await slowDisk(wire);
  } finally {
    await wire.close();
  }
}

async function lay(siege: Siege, which: Which): Promise<(string | number)[]> {
  const daemon = await startQuietly(wire, which, siege.config);
  const templates = siege.attack.map((segment) => frame(segment));
  const clients = siege.abused ? await abuse(wire, socketPath(daemon.configPath, ["eth0"])) : undefined;
  const watch = new Watch(daemon);
  const before = cpu(daemon);
  packets(daemon); // sets the kernel's counters to 0
  const flood = wire.flood({ templates, count: siege.seconds * siege.rate, rate: siege.rate, vary: siege.vary });
  // The clients begin in the middle of the flood. If its sources are many, a million attempts are live then.
  await sleep(siege.seconds * 200);
  const sent = await wire.send(knocks(siege.attack[0]!.to, siege.seconds * 0.6));
  const { sent: attacks, seconds } = await flood;
  const { dropped } = packets(daemon);
  clients?.kill("SIGKILL");
  const used = (cpu(daemon) - before) / 1e9 / seconds;
  await settled(daemon);
  const { lines, processes, cameAt } = watch.end();
  const commands = daemon.commands();
  const came = new Set(commands.filter((line) => line.startsWith("in "))).size;
  const flooded = commands.filter((line) => line.startsWith("flooded ")).length;
  // From each client's last knock. The clients get in in their order.
  const waited = cameAt.map((at, i) => (at - sent[i * PORTS.length + PORTS.length - 1]!) / 1e9);
  const longest = waited.length === 0 ? "" : Math.max(0, ...waited).toFixed(1);
  const memory = mostMemory(daemon.pid);
  await daemon.stop("SIGKILL");
  const rate = (Math.round(attacks / seconds / 100) * 100).toLocaleString("en");
  return [rate, came, longest, dropped, memory, Math.round(used * 100), lines, flooded, processes];
}

/** The clients' knocks, within this time, from addresses that the flood does not use. */
function knocks(to: string, seconds: number): { at: number; frame: Buffer }[] {
  const from = (i: number) => (to.includes(":") ? `fd77:0:0:1::${i + 1}` : `10.9.9.${i + 1}`);
  return Array.from({ length: CLIENTS }, (_, i) =>
    PORTS.map((port, stage) => ({
      at: ((i + stage / 4) * seconds) / CLIENTS,
      frame: frame({ from: from(i), to, protocol: "tcp", port, seq: 1000 * i + stage }),
    })),
  ).flat();
}

/** Waits until no command has begun for a second. */
async function settled(daemon: Daemon): Promise<void> {
  for (let before = -1, now = daemon.commands().length; before !== now; now = daemon.commands().length) {
    before = now;
    await sleep(1000);
  }
}

/** Samples what can only be seen during the attack. */
class Watch {
  readonly #daemon: Daemon;
  readonly #counting: NodeJS.Timeout;
  readonly #reading: NodeJS.Timeout;
  #lines = 0;
  #mostLines = 0;
  #processes = 0;
  /** When each client got in, by process.hrtime, to 50 ms. */
  readonly #cameAt: number[] = [];

  constructor(daemon: Daemon) {
    this.#daemon = daemon;
    this.#counting = setInterval(() => this.#count(), 50);
    this.#reading = setInterval(() => this.#read(), 1000);
  }

  end(): { lines: number; processes: number; cameAt: readonly number[] } {
    clearInterval(this.#counting);
    clearInterval(this.#reading);
    this.#read();
    return { lines: this.#mostLines, processes: this.#processes, cameAt: this.#cameAt };
  }

  #count(): void {
    this.#processes = Math.max(this.#processes, descendants(this.#daemon.pid));
    const came = this.#daemon.commands().filter((line) => line.startsWith("in ")).length;
    while (this.#cameAt.length < came) this.#cameAt.push(Number(process.hrtime.bigint()));
  }

  #read(): void {
    const lines = readFileSync(join(this.#daemon.dir, "log"), "latin1").split("\n").length;
    this.#mostLines = Math.max(this.#mostLines, lines - this.#lines);
    this.#lines = lines;
  }
}

if (needsRoot) {
  console.error("npm run siege needs root");
  process.exit(1);
}
await main(parseArgs({ allowPositionals: true }).positionals[0] ?? "");
