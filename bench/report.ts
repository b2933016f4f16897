// Compares knockctl report with `grep -c` on the log, and with `zcat | awk` on the compressed log. The lines are those of a
// real kernel (test/report/real.log), with other times, and some with other sources.
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repo } from "../test/live/wire.ts";
import type { Bench, Family } from "./rounds.ts";
import { type Figure, ofRounds, type Row } from "./table.ts";

const [LINES, QUICK_LINES] = [10_000_000, 500_000] as const;
/** One line in this many comes from a source that appears only once. */
const [SOME, NEARLY_ALL] = [20, 1.01] as const;
const BEGIN = Date.UTC(2026, 10, 1);

// Measures the processor time of a pipeline and its largest process. It reads the output, because grep stops early at /dev/null.
const MEASURE = `
import json, resource, subprocess, sys
status = subprocess.run(['sh', '-c', sys.argv[1]], stdout=subprocess.PIPE).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({'status': status, 'seconds': used.ru_utime + used.ru_stime, 'megabytes': used.ru_maxrss / 1024}))
`;
const AWK = `/IN=.* OUT=.* SRC=/ { for (i = 1; i <= NF; i++) { if ($i ~ /^SRC=/) from[$i]++; if ($i ~ /^DPT=/) port[$i]++ } }
END { for (i in from) print from[i], i; for (i in port) print port[i], i }`;

interface Cost {
  readonly seconds: number;
  readonly megabytes: number;
}

export async function reports({ quick, rounds }: Bench): Promise<Family> {
  const count = quick ? QUICK_LINES : LINES;
  const dir = mkdtempSync(join(tmpdir(), "bench-report-"));
  try {
    const [log, many] = [join(dir, "log"), join(dir, "many")];
    generate(log, count, SOME);
    generate(many, count, NEARLY_ALL);
    execFileSync("sh", ["-c", 'gzip -1 <"$1" >"$1.gz"', "sh", log]);
    const knockctl = (path: string) => `'${process.execPath}' '${join(repo, "dist/src/knockctl.js")}' report '${path}'`;
    const commands = {
      ours: knockctl(log),
      grep: `grep -c 'IN=.* OUT=.* SRC=' '${log}'`,
      packed: knockctl(`${log}.gz`),
      awk: `zcat '${log}.gz' | awk '${AWK}'`,
      many: knockctl(many),
    };
    const costs: Record<keyof typeof commands, Cost[]> = { ours: [], grep: [], packed: [], awk: [], many: [] };
    for (let round = 1; round <= rounds; round++) {
      process.stderr.write(`report: round ${round} of ${rounds}\n`);
      for (const [name, command] of Object.entries(commands)) costs[name as keyof typeof costs].push(measure(command));
    }
    const row = (what: string, of: (round: number) => number): Row => {
      const figure: Figure = ofRounds(costs.ours.map((_, round) => of(round)));
      return { what, figures: { ours: figure } };
    };
    const million = count / 1e6;
    const ratio = (a: Cost[], b: Cost[]) => (round: number) => a[round]!.seconds / b[round]!.seconds;
    return {
      rows: [
        row("CPU s per million lines", (round) => costs.ours[round]!.seconds / million),
        row("the same ÷ `grep -c`", ratio(costs.ours, costs.grep)),
        row("CPU s per million compressed lines", (round) => costs.packed[round]!.seconds / million),
        row("the same ÷ `zcat` with `awk`", ratio(costs.packed, costs.awk)),
        row("CPU s per million lines, nearly each from a new source", (round) => costs.many[round]!.seconds / million),
        row("memory, MB", (round) => costs.ours[round]!.megabytes),
        row("memory, MB, nearly each line from a new source", (round) => costs.many[round]!.megabytes),
      ],
      notes: [`knockctl report on ${count} lines. awk counts sources and ports, and nothing else; grep counts lines.`],
    };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** About 230 bytes per line, written in pieces, because ten million lines do not fit into one string. */
function generate(path: string, count: number, everyNew: number): void {
  const recorded = readFileSync(join(repo, "test/report/real.log"), "latin1")
    .split("\n")
    .filter((line) => line.includes(" kernel: "))
    .map((line) => line.slice(line.indexOf(" ")));
  const file = openSync(path, "w");
  let state = 1;
  const below = (end: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  };
  try {
    for (let i = 0; i < count; ) {
      let text = "";
      for (const end = Math.min(count, i + 10_000); i < end; i++) {
        let line = recorded[below(recorded.length)]!;
        if (below(1000) * everyNew < 1000) {
          const from = `${1 + below(222)}.${below(256)}.${below(256)}.${below(256)}`;
          line = line.replace(/SRC=[0-9.]+ /, `SRC=${from} `);
        }
        text += `${new Date(BEGIN + i * 200).toISOString().replace("Z", "+00:00")}${line}\n`;
      }
      writeSync(file, text, null, "latin1");
    }
  } finally {
    closeSync(file);
  }
}

function measure(command: string): Cost {
  const { status, ...cost } = JSON.parse(execFileSync("python3", ["-c", MEASURE, command], { encoding: "utf8" }));
  if (status !== 0) throw new Error(`${command}: status ${status}`);
  return cost;
}
