// npm run bench [-- --quick] [FAMILY …]: measures knockd-ng, Debian's knockd 0.8 and the smallest C program that counts
// knocks, in turns within one run. It prints the figures and whether they reach our goals, and fails on none of them.
// build/bench/*.json has the same figures. A whole run also draws the curves in bench/costs.svg, and so does
// `npm run bench -- draw`.
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { needsRoot, repo, Wire } from "../test/live/wire.ts";
import { attempts, burst } from "./attempts.ts";
import { codes } from "./codes.ts";
import { doors } from "./doors.ts";
import { draw } from "./draw.ts";
import { floods } from "./flood.ts";
import { follow } from "./follow.ts";
import { instructions } from "./instructions.ts";
import { kernelDoors } from "./kernel-doors.ts";
import { latency } from "./latency.ts";
import { idle } from "./memory.ts";
import { openings } from "./openings.ts";
import { reports } from "./report.ts";
import type { Bench, Family } from "./rounds.ts";
import { starts } from "./start.ts";
import { steady } from "./steady.ts";
import { machine, table } from "./table.ts";
import { atOnce } from "./together.ts";
import { waits } from "./waits.ts";

const FAMILIES: Readonly<Record<string, (bench: Bench) => Promise<Family>>> = {
  latency,
  "kernel-doors": kernelDoors,
  openings,
  waits,
  flood: floods,
  steady,
  attempts,
  burst,
  doors,
  together: atOnce,
  follow,
  start: starts,
  codes,
  idle,
  instructions,
  report: reports,
};
/** These take six and ten minutes, so they run only if they are named. */
const LONG = ["instructions", "report"];
/** The families of `--quick`, which takes a minute. */
const QUICK = ["latency", "flood", "together", "start"];
const RESULTS = join(repo, "build/bench");

async function bench(names: readonly string[], quick: boolean): Promise<void> {
  console.log(`knockd-ng beside Debian's knockd 0.8 and a minimal C program\n${machine()}`);
  console.log(`Medians of the rounds, with the lowest and the highest round in brackets. ${busy()}\n`);
  mkdirSync(RESULTS, { recursive: true });
  const wire = await Wire.open();
  try {
    for (const name of names) {
      const [quiet, begun] = [idleSince(), Date.now()];
      const family = await FAMILIES[name]!({ wire, quick, rounds: quick ? 3 : 5 });
      console.log(`${table(family.rows)}\n`);
      for (const note of family.notes ?? []) console.log(note);
      const seconds = Math.round((Date.now() - begun) / 1000);
      console.log(`It took ${seconds} s. The processors were ${quiet()} % idle meanwhile.\n`);
      const result = { machine: machine(), date: new Date().toISOString(), quick, ...family };
      writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(result, undefined, 1)}\n`);
    }
  } finally {
    await wire.close();
  }
}

const busy = () => `Load average at the start: ${loadavg()[0]!.toFixed(1)}.`;

/** Returns a function that tells how idle the processors have been since, in %. A low value means disturbed figures. */
function idleSince(): () => number {
  const now = () => {
    const times = cpus().map((one) => one.times);
    const idle = times.reduce((sum, one) => sum + one.idle, 0);
    return { idle, all: times.reduce((sum, one) => sum + one.user + one.nice + one.sys + one.irq, idle) };
  };
  const before = now();
  return () => Math.round((100 * (now().idle - before.idle)) / (now().all - before.all));
}

// If this is set, Node reads the file at each start, which takes 40 ms. A systemd service does not have it.
delete process.env.NODE_EXTRA_CA_CERTS;

const { values, positionals } = parseArgs({
  options: { quick: { type: "boolean", default: false } },
  allowPositionals: true,
});
const all = values.quick ? QUICK : Object.keys(FAMILIES).filter((name) => !LONG.includes(name));
const names = positionals.length > 0 ? positionals : all;
const unknown = names.filter((name) => name !== "draw" && !(name in FAMILIES));
if (needsRoot || unknown.length > 0) {
  console.error(
    needsRoot
      ? "bench needs root: sudo npm run bench"
      : `bench: no family ${unknown.join(", ")}. The families are ${Object.keys(FAMILIES).join(", ")}`,
  );
  process.exit(1);
}
try {
  const measured = names.filter((name) => name !== "draw");
  if (measured.length > 0) await bench(measured, values.quick ?? false);
  const isWhole = positionals.length === 0 && !values.quick;
  if (isWhole || names.includes("draw")) draw(RESULTS, join(repo, "bench/costs.svg"));
} catch (error) {
  console.error(`bench: ${(error as Error).stack}`);
  process.exitCode = 1;
}
