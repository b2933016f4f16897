// How late a door opens if each fsync takes half a second. The start command waits for the ledger's fsync, but at most 150 ms.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dueIn, LEDGER_HEAD, openLine } from "../src/doors/ledger-entry.ts";
import { frame } from "../test/frame.ts";
import { Daemon } from "../test/live/daemon.ts";
import { compiled, type Wire } from "../test/live/wire.ts";

const OPENINGS = 40;
const APART_S = 0.1;
/** Seconds after which the daemon has given back the memory of its start. */
const SETTLED_S = 3;
const OPEN_DOORS = 65_000;
const FSYNC_MS = 500;

interface Disk {
  readonly what: string;
  readonly openDoors: number;
  /** How many times a second one source knocks at its open door. */
  readonly reknocks: number;
}

const DISKS: readonly Disk[] = [
  { what: "an opening every 0.1 s", openDoors: 0, reknocks: 0 },
  { what: "the same, 65,000 doors open", openDoors: OPEN_DOORS, reknocks: 0 },
  { what: "the same, one source knocks again 400 times a second", openDoors: 0, reknocks: 400 },
];

const CONFIG = `[options]
StateFile = @ledger@
[timed]
sequence = 7000:udp
start_command = date +%IP%_%s%N >>$KNOCK_LOG
cmd_timeout = 600
stop_command = true
[clock]
sequence = 7002:udp
start_command = date +clock_%s%N >>$KNOCK_LOG
[again]
sequence = 7001:udp
start_command = /bin/true
cmd_timeout = 600
stop_command = /bin/true
`;

/** Prints one row per kind of disk. */
export async function slowDisk(wire: Wire): Promise<void> {
  console.log(`\n| ${FSYNC_MS} ms per fsync | openings | last packet → command begins, ms: median | longest |`);
  console.log("|---|---|---|---|");
  const shim = compiled("test/live/slow-disk.cc", "build/slow-disk.so", "-shared", "-fPIC");
  for (const disk of DISKS) console.log(`| ${[disk.what, ...(await one(wire, disk, shim))].join(" | ")} |`);
}

async function one(wire: Wire, { openDoors, reknocks }: Disk, shim: string): Promise<(string | number)[]> {
  const ledger = join(wire.dir, "slow-ledger");
  writeFileSync(ledger, LEDGER_HEAD + entries(openDoors), { mode: 0o600 });
  const env = { LD_PRELOAD: shim, SLOW_DISK_MS: `${FSYNC_MS}` };
  const daemon = await Daemon.start(wire, "ours", CONFIG.replace("@ledger@", ledger), undefined, { env, ready: "" });
  await daemon.waitFor("listening on", 60_000);
  const to = wire.server;
  const timed = Array.from({ length: OPENINGS }, (_, i) => ({
    at: SETTLED_S + i * APART_S,
    frame: frame({ from: `10.77.1.${i + 1}`, to, protocol: "udp", port: 7000 }),
  }));
  // The door `clock` has no stop command, so it does not wait for the disk. Its fastest opening shows when the others were due.
  const clock = Array.from({ length: OPENINGS }, (_, i) => ({
    at: SETTLED_S + 0.05 + i * APART_S,
    frame: frame({ from: `10.77.2.${i + 1}`, to, protocol: "udp", port: 7002 }),
  }));
  const seconds = SETTLED_S + OPENINGS * APART_S;
  const again = Array.from({ length: Math.round(reknocks * seconds) }, (_, i) => ({
    at: i / reknocks,
    frame: frame({ from: wire.client, to, protocol: "udp", port: 7001, sourcePort: 1024 + i }),
  }));
  await wire.send([...timed, ...clock, ...again].sort((a, b) => a.at - b.at));
  await daemon.waitFor(() => daemon.commands().length === 2 * OPENINGS, 60_000);
  const stamps = daemon.commands().map((line) => line.split("_") as [who: string, ns: string]);
  const ms = (ns: string) => Number(BigInt(ns) / 1000n) / 1000;
  const clocks = stamps.filter(([who]) => who === "clock").map(([, ns]) => ms(ns));
  const due = Math.min(...clocks.map((at, i) => at - clock[i]!.at * 1000));
  const late = stamps
    .filter(([who]) => who !== "clock")
    .map(([ip, ns]) => ms(ns) - timed[Number(ip.split(".")[3]) - 1]!.at * 1000 - due)
    .sort((a, b) => a - b);
  await daemon.stop("SIGKILL");
  rmSync(ledger, { force: true });
  return [late.length, Math.round(late[late.length >> 1]!), Math.round(late.at(-1)!)];
}

/** Open doors of another name. A door with this many would have no room for another opening (shared-limit.ts). */
function entries(count: number): string {
  return Array.from({ length: count }, (_, i) => {
    const ip = `10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
    return openLine({ id: i + 1, door: "filled", ip, stopCommand: "true", commandTimeout: 0, due: dueIn(6000) });
  }).join("");
}
