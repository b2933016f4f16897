// Attacks on the scan guard: many scanners at once, so that one might be overlooked, and forged strays that void clients' attempts.
import { frame } from "../test/frame.ts";
import type { Daemon, Which } from "../test/live/daemon.ts";
import type { Wire } from "../test/live/wire.ts";
import { startQuietly } from "./probe.ts";

const PORTS = [7000, 8000, 9000];
const CLIENTS = 5;
const SCANNERS = 10_000;
const SECONDS = 5;
const CLIENT_TTL = 47;
const CONFIG = `[options]
  LogFile = @dir@/log
[door]
  sequence    = ${PORTS}
  seq_timeout = 120
  tcpflags    = syn
  command     = echo in %IP% >>$KNOCK_LOG
`;

type Frames = { at: number; frame: Buffer }[];

/** The text of a row, the number of scanners or clients, and the frames to send, batch by batch. */
const SIEGES: readonly [string, number, (wire: Wire) => Frames[]][] = [
  ["scanners of one /64, each touches 8 other ports in the middle of a sequence: got in", SCANNERS, scanners],
  [
    "clients, while 100 SYNs per second are forged from the address of each, with another TTL: got in",
    CLIENTS,
    (w) => forged(w, 100, 60),
  ],
  ["the same with the client's TTL", CLIENTS, (w) => forged(w, 100, CLIENT_TTL)],
  ["the same, when the clients knock within 50 ms", CLIENTS, (w) => forged(w, 100, CLIENT_TTL, 0.025)],
];

/** Runs the rows whose text contains `only`. */
export async function siegeGuard(wire: Wire, only: string): Promise<void> {
  const rows = SIEGES.filter(([what]) => `the scan guard: ${what}`.includes(only));
  if (rows.length === 0) return;
  console.log("\n| the scan guard | of | knockd-ng | 0.8 |\n|---|---|---|---|");
  for (const [what, of, make] of rows) {
    const came: number[] = [];
    for (const which of ["ours", "judge"] as const) came.push(await lay(wire, which, make(wire)));
    console.log(`| ${what} | ${of.toLocaleString("en")} | ${came.join(" | ")} |`);
  }
}

async function lay(wire: Wire, which: Which, batches: readonly Frames[]): Promise<number> {
  const daemon = await startQuietly(wire, which, CONFIG);
  for (const frames of batches) await wire.send(frames);
  await settled(daemon);
  const came = new Set(daemon.commands()).size;
  await daemon.stop("SIGKILL");
  return came;
}

/** All scanners send their first knock, then eight strays each, then the rest: 10,000 packets per second. */
function scanners({ server6 }: Wire): Frames[] {
  const rounds = [PORTS[0]!, ...Array.from({ length: 8 }, (_, i) => 20_000 + i), ...PORTS.slice(1)];
  return rounds.map((port, round) =>
    Array.from({ length: SCANNERS }, (_, i) => ({
      at: i / 10_000,
      frame: frame({
        from: `fd77:0:0:1::${(i + 1).toString(16)}`,
        to: server6,
        protocol: "tcp",
        port,
        seq: 100 * i + round,
      }),
    })),
  );
}

/** Strays with the address of each client. The client itself knocks meanwhile, with `pause` seconds between knocks. */
function forged({ server }: Wire, rate: number, ttl: number, pause = 0.5): Frames[] {
  const clients = Array.from({ length: CLIENTS }, (_, i) => `10.9.9.${i + 1}`);
  const common = { to: server, protocol: "tcp" } as const;
  const frames = clients.flatMap((from, i) => [
    ...Array.from({ length: rate * SECONDS }, (_, n) => ({
      at: n / rate,
      frame: frame({ ...common, from, port: 20_000 + n, ttl, seq: n }),
    })),
    ...PORTS.map((port, stage) => ({
      at: 1 + 0.2 * i + pause * stage,
      frame: frame({ ...common, from, port, ttl: CLIENT_TTL, seq: 50_000 + stage }),
    })),
  ]);
  return [frames];
}

/** Waits until no command has begun for a second. */
async function settled(daemon: Daemon): Promise<void> {
  for (let before = -1, now = daemon.commands().length; before !== now; now = daemon.commands().length) {
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
