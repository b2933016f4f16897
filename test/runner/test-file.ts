// Runs one test file in its own process, which can neither run for ever nor fill a disk.
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { removeNamespacesOf } from "./namespaces.ts";
import { judge, type Outcome } from "./outcome.ts";

export interface Limits {
  /** After this time the file is asked to end, and soon after that it is killed. */
  readonly seconds: number;
  /** How long a file may take to remove its network namespaces after it was asked to end. */
  readonly graceSeconds: number;
  /** No process of the file can write a larger file, whatever file system it reaches by mistake. */
  readonly bytes: number;
}

export interface Run {
  readonly outcome: Promise<Outcome>;
  /** Ends it as Ctrl-C would. */
  stop(): void;
}

const SHOWN_BYTES = 6000;
const BLOCK_BYTES = 512; // what ulimit counts

const beside = (name: string) => new URL(name, import.meta.url).href;

/** `path` is the compiled file, `name` is the name shown to people, and `outputs` is a folder for its output. */
export function runFile(path: string, name: string, outputs: string, limits: Limits): Run {
  const stem = join(outputs, name.replaceAll("/", "-").replace(/\.test\.[jt]s$/, ""));
  const [log, report] = [`${stem}.log`, `${stem}.jsonl`];
  mkdirSync(dirname(stem), { recursive: true });
  writeFileSync(report, "");
  const output = openSync(log, "w");
  const begun = performance.now();
  const argv = [process.execPath, ...seeded(path), `--test-reporter=${beside("reporter.js")}`];
  const bounded = ["-c", 'ulimit -f "$0" && exec "$@"', `${Math.floor(limits.bytes / BLOCK_BYTES)}`];
  // With this variable, which a surrounding `node --test` sets, the file would report in another way.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  // In its own process group, so that everything that the file leaves behind can be ended too.
  const child = spawn("sh", [...bounded, ...argv, `--test-reporter-destination=${report}`, path], {
    stdio: ["ignore", output, output],
    detached: true,
    env,
  });
  closeSync(output);

  let overtime: number | undefined;
  let killing: NodeJS.Timeout | undefined;
  const stop = () => {
    signal(child.pid!, "SIGTERM");
    killing ??= setTimeout(() => signal(-child.pid!, "SIGKILL"), limits.graceSeconds * 1000);
  };
  const limit = setTimeout(() => {
    overtime = limits.seconds;
    stop();
  }, limits.seconds * 1000);
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (status, signalled) => {
      clearTimeout(limit);
      clearTimeout(killing);
      signal(-child.pid!, "SIGKILL");
      removeNamespacesOf(child.pid!);
      const ended = { status, signal: signalled, ...(overtime !== undefined && { overtime }) };
      const judged = judge(readFileSync(report, "utf8"), ended);
      resolve({ file: name, seconds: (performance.now() - begun) / 1000, ...judged, output: endOf(log) });
    });
  });
  return { outcome, stop };
}

/** Generated tests get the run's seed; loading fast-check costs the other files a tenth of a second each. */
function seeded(path: string): string[] {
  const isGenerated = existsSync(path) && /"fast-check"|\/arbitrary\.js"/.test(readFileSync(path, "utf8"));
  return isGenerated ? [`--import=${beside("seed.js")}`] : [];
}

/** A negative pid is a group. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {} // it has ended
}

function endOf(log: string): string {
  const size = statSync(log).size;
  const buffer = Buffer.alloc(Math.min(size, SHOWN_BYTES));
  const fd = openSync(log, "r");
  readSync(fd, buffer, 0, buffer.length, size - buffer.length);
  closeSync(fd);
  return `${size > SHOWN_BYTES ? `… (all of it: ${log})\n` : ""}${buffer.toString()}`;
}

export const repo = fileURLToPath(new URL("../../..", import.meta.url));
