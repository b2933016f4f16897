// What codes cost: a wrong guess, and a thousand clients in memory, in the filter and at the start.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Attempts } from "../src/attempts/attempts.ts";
import { buildFilter } from "../src/capture/bpf/filter.ts";
import { ClientStates } from "../src/codes/client-states.ts";
import { windowAt } from "../src/codes/derive.ts";
import { codeOf } from "../src/codes/valid-codes.ts";
import { readConfig } from "../src/config/read.ts";
import type { ResolvedDoor } from "../src/config/resolved-door.ts";
import { parseAddress } from "../src/net/address.ts";
import { TCP } from "../src/net/packet.ts";
import { PORTS } from "./flood.ts";
import { cpu } from "./probe.ts";
import { type Bench, type Family, figures, type Results } from "./rounds.ts";
import { begin, unpin, untilListening } from "./subject.ts";

const CLIENTS = 1000;
const GUESSES = 200_000;
const ETHERNET = 1;
const BYTES_OF_AN_INSTRUCTION = 8;

interface Round {
  /** Microseconds of processor time. */
  readonly knock: number;
  readonly guess: number;
  readonly sharedGuess: number;
  /** Milliseconds of the first guess in a new window. */
  readonly window: number;
  readonly instructions: number;
  readonly mebibytes: number;
  readonly start: number;
  readonly plainStart: number;
}

export async function codes(bench: Bench): Promise<Family> {
  unpin();
  const dir = mkdtempSync(join(tmpdir(), "bench-codes-"));
  try {
    const rounds: Round[] = [];
    for (let round = 0; round < bench.rounds; round++) rounds.push(await one(bench, dir));
    const results: Results<Round> = { ours: rounds };
    const row = (what: string, of: (round: Round) => number, most?: number) => ({
      what,
      figures: figures(results, of),
      ...(most !== undefined && { reach: { most } }),
    });
    return {
      rows: [
        row("a wrong code, CPU µs more than the three knocks of a sequence", ({ guess, knock }) => guess - knock, 1),
        row("the same, five knocks, at a door with 1,000 key clients", ({ sharedGuess, knock }) => sharedGuess - knock),
        row("1,000 key clients: the first code of a window, ms", ({ window }) => window),
        row("1,000 key clients: instructions of the filter", ({ instructions }) => instructions),
        row("1,000 key clients: memory, MiB", ({ mebibytes }) => mebibytes, 3),
        row("1,000 key clients: CPU of the start ÷ without", ({ start, plainStart }) => start / plainStart, 1.2),
      ],
    };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function one(bench: Bench, dir: string): Promise<Round> {
  const sequence = doorsOf(dir, "", `sequence = ${PORTS}`);
  const single = doorsOf(dir, "[phone]\ndoor = door\nsecret = JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\nports = 73,71,75\n");
  const many = new Attempts(OPTIONS);
  // The first guess makes the table for all guesses, of which only used pages are memory.
  many.setDoors(single, new ClientStates());
  guesses(many, wrongPorts(single), 1);
  const before = memory();
  const shared = doorsOf(dir, keys());
  many.setDoors(shared, new ClientStates());
  const first = performance.now();
  guesses(many, [9300, 3100, 14_400, 17_500, 11_300], 1);
  const window = performance.now() - first;
  const mebibytes = (memory() - before) / 2 ** 20;
  const measured = (doors: readonly ResolvedDoor[], ports: readonly number[]) => {
    const attempts = new Attempts(OPTIONS);
    attempts.setDoors(doors, new ClientStates());
    guesses(attempts, ports, GUESSES);
    return guesses(attempts, ports, GUESSES);
  };
  return {
    knock: measured(sequence, PORTS),
    guess: measured(single, wrongPorts(single)),
    sharedGuess: guesses(many, [9300, 3100, 14_400, 17_500, 11_300], GUESSES / 10),
    window,
    mebibytes,
    instructions:
      buildFilter({ linkType: ETHERNET, own: [OWN], resolvedDoors: shared }).length / BYTES_OF_AN_INSTRUCTION,
    start: await start(bench, config(dir, keys())),
    plainStart: await start(bench, config(dir, "", `sequence = ${PORTS}`)),
  };
}

const OWN = parseAddress("10.77.0.1")!;
const OPTIONS = { isOurs: () => true, isStray: () => false, hashKey: [1, 2], wallClock: Date.now } as const;

/** Microseconds per guess, for all its knocks. Each guess has its own source, so none is banned. */
function guesses(attempts: Attempts, ports: readonly number[], count: number): number {
  const before = process.cpuUsage();
  let now = performance.now();
  for (let i = 0; i < count; i++) {
    const source = { w0: 0, w1: 0, w2: 0xffff, w3: 0x0b00_0000 + i };
    for (const port of ports) {
      const packet = { source, destination: OWN, sourcePort: 1024 + (i % 60_000), port, protocol: TCP, flags: 2 };
      attempts.knock({ ...packet, ttl: 64, sequence: i + port }, (now += 0.01));
    }
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

/** Ports of a code that does not count for 25 minutes before and after now. */
function wrongPorts(doors: readonly ResolvedDoor[]): number[] {
  const client = doors[0]!.door.clients[0]!;
  const now = windowAt(Date.now());
  const right = new Set(Array.from({ length: 100 }, (_, i) => codeOf(client, now - 50 + i)));
  let wrong = 123_456;
  while (right.has(wrong)) wrong++;
  const text = String(wrong);
  return client.blocks.map((first, i) => first + Number(text.slice(2 * i, 2 * i + 2)));
}

/** As `knockctl client add` writes them. */
function keys(): string {
  return Array.from({ length: CLIENTS }, (_, i) => {
    const secret = i.toString(16).padStart(64, "0");
    const [door, kind, ports] = [
      "    door    = door",
      "    kind    = key",
      "    ports   = 9216,3072,14336,17408,11264",
    ];
    return `[c${i}]\n${door}\n${kind}\n    secret  = ${secret}\n${ports}\n\n`;
  }).join("");
}

function config(dir: string, clients: string, more = `Clients = ${join(dir, "clients")}`): string {
  writeFileSync(join(dir, "clients"), clients, { mode: 0o600 });
  return `[options]\nClientsState = ${join(dir, "clients.json")}\n[door]\n${more}\ntcpflags = syn\nMax_Strays = 0\ncommand = true\n`;
}

function doorsOf(dir: string, clients: string, more?: string): ResolvedDoor[] {
  writeFileSync(join(dir, "knockd.conf"), config(dir, clients, more), { mode: 0o600 });
  return readConfig(join(dir, "knockd.conf")).doors.map((door) => ({ door, targets: undefined }));
}

/** CPU milliseconds until it listens. Unlike the time, they hardly change on a busy machine. */
async function start(bench: Bench, text: string): Promise<number> {
  const running = await begin(bench.wire, "ours", { config: text, ports: PORTS });
  await untilListening(running, 60_000, 1);
  const used = cpu(running) / 1e6;
  await running.stop();
  return used;
}

function memory(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
