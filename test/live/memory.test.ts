// Tests that an hour's load, sent faster, does not increase the memory in use.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { frame, type Segment } from "../frame.ts";
import { Daemon } from "./daemon.ts";
import { held } from "./heap.ts";
import { needsRoot, Wire } from "./wire.ts";

/** KNOCKD_MINUTES=60 for the hour; a multiple of six. */
const MINUTES = Number(process.env.KNOCKD_MINUTES ?? 12);
/** A minute's length in ms. The hour logs all first knocks, as in real life; the short form suppresses most of them. */
const MINUTE_SECONDS = MINUTES < 60 ? 1 : 6.5;
/** What a minute brings: first knocks of ever-new sources, openings that are closed again, a scan's ports. */
const [FORGED, OPENINGS, SCANNED] = [600, 60, 40];
const SAMPLES = 6;

const CONFIG = `
[options]
  LogFile = @dir@/events
[slow]
  sequence = 7000,7001:udp
  seq_timeout = 1
[door]
  sequence = 7002:udp
  start_command = echo open >>$KNOCK_LOG
  cmd_timeout = 0
  stop_command = echo close >>$KNOCK_LOG
`;

describe("an hour of load", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());

  const packet = (from: string, protocol: Segment["protocol"], port: number) =>
    frame({ from, to: wire.server, protocol, port, seq: ++sequence, sourcePort: 20_000 + (sequence % 30_000) });
  /** Addresses of 10.77.64.0/18: they repeat after half an hour. */
  const source = (n: number) => `10.77.${64 + ((n >> 8) & 63)}.${n & 255}`;
  const spread = (count: number, make: (i: number) => Buffer) =>
    Array.from({ length: count }, (_, i) => ({ at: (i / count) * MINUTE_SECONDS, frame: make(i) }));

  /** Forged first knocks, openings, a scan. Then an address comes or goes, and the config is read again. */
  async function minute(daemon: Daemon, n: number): Promise<void> {
    const before = daemon.commands().length;
    await wire.send([
      ...spread(FORGED, (i) => packet(source(n * FORGED + i), "tcp", 7000)),
      ...spread(OPENINGS, (i) => packet(`10.77.1.${i}`, "udp", 7002)),
      ...spread(SCANNED, (i) => packet(`10.77.2.${n}`, "tcp", i === 0 ? 7000 : 8000 + i)),
    ]);
    await wire.run("server", ["ip", "address", n % 2 ? "del" : "add", "10.77.3.1/24", "dev", "eth0"]);
    daemon.signal("SIGHUP");
    await daemon.waitFor(() => daemon.commands().length === before + 2 * OPENINGS, 20_000);
  }

  it(`of ${MINUTES} minutes adds less than a twentieth to the memory, and no descriptor`, async (test) => {
    const memory = held(wire);
    const args = ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v"];
    const daemon = await Daemon.start(wire, "ours", CONFIG, args, { env: memory.env });
    const seen: { descriptors: number; held: number }[] = [];
    for (let n = 0; n < MINUTES; n++) {
      await minute(daemon, n);
      if ((n + 1) % (MINUTES / SAMPLES) !== 0) continue;
      await sleep(2500); // until no attempt is left, and the filter is narrow again
      const resident = await residentBytes(daemon);
      const one = { descriptors: readdirSync(`/proc/${daemon.pid}/fd`).length, held: await memory.ask(daemon) };
      seen.push(one);
      test.diagnostic(`after ${n + 1} minutes: resident ${resident}, held ${one.held} bytes`);
    }
    assert.deepEqual(await daemon.stop(), { status: 15, signal: null });
    // After a third of the time, everything has been used once.
    const [settled, last] = [seen[SAMPLES / 3 - 1]!, seen.at(-1)!];
    assert.equal(last.descriptors, settled.descriptors);
    assert.ok(last.held < 1.05 * settled.held, `${settled.held} bytes became ${last.held}`);
  });
});

describe("the check every minute", { skip: needsRoot }, () => {
  it("keeps none of the files in memory that it has read", async () => {
    const wire = await Wire.open();
    try {
      const daemon = await Daemon.start(wire, "ours", CONFIG);
      await sleep(3000); // until it has returned the memory that its start used
      await wire.run("server", ["ip", "address", "add", "10.77.3.1/24", "dev", "eth0"]);
      await daemon.waitFor("listening at 10.77.0.1, 10.77.3.1");
      const touched = ofFiles(daemon);
      await daemon.waitFor(() => ofFiles(daemon) < touched - 4000, 75_000);
      assert.deepEqual(await daemon.stop(), { status: 15, signal: null });
    } finally {
      await wire.close();
    }
  });
});

/** In KB. */
function ofFiles({ pid }: Daemon): number {
  return Number(/^RssFile:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
}

/** Includes V8's garbage, which is tens of megabytes and means nothing: the median of a second. */
async function residentBytes({ pid }: Daemon): Promise<number> {
  const values: number[] = [];
  for (let i = 0; i < 9; i++, await sleep(100)) {
    values.push(1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]));
  }
  return values.sort((a, b) => a - b)[4]!;
}
