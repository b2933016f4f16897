// `npm test`, `npm run lint`, `npm run test:unit` and `npm run test:boot`: checks the format, then runs test files, each in a
// process of its own. Prints one line per file, then why files failed; the last line is "N passed, N failed".
//   usage: node dist/test/run.js all|lint|unit|boot [FILE...]
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative, resolve } from "node:path";
import { filesOf, isAlone, type Kind, RUNS } from "./runner/files.ts";
import { counts, type Outcome, progress, sum, whyFailed } from "./runner/outcome.ts";
import { type Job, runAll } from "./runner/queue.ts";
import { SEED } from "./runner/scenes.ts";
import { type Limits, type Run, repo, runFile } from "./runner/test-file.ts";
import { slowness } from "./time-limit.ts";

/** Seconds for one file. More on a busy machine (time-limit.ts). */
const MAX_SECONDS: Record<Kind, number> = { all: 150, lint: 0, unit: 60, boot: 500 };
const GRACE_SECONDS = 20;
const MAX_BYTES = 2 ** 31;
const QUIET_SECONDS = 60;

const [word = "all", ...named] = process.argv.slice(2);
const kind = RUNS.find((kind) => kind === word);
if (kind === undefined) {
  console.error("usage: node dist/test/run.js all|lint|unit|boot [FILE...]");
  process.exit(2);
}

const begun = performance.now();
const outcomes: Outcome[] = [];
const running = new Map<string, { run: Run; since: number }>();
let interrupted: NodeJS.Signals | undefined;
stopOnSignals();

if ((kind === "all" || kind === "lint") && named.length === 0) lint();
if (kind !== "lint") await runTests(kind);

const total = sum(outcomes);
const minutes = ((performance.now() - begun) / 60_000).toFixed(1);
console.log(`${whyFailed(outcomes)}\n${minutes} min${interrupted ? `, ended by ${interrupted}` : ""}`);
console.log(counts(total));
process.exit(total.failed > 0 || interrupted ? 1 : 0);

function lint(): void {
  const sources = walk(["native", "test", "bench", "fuzz"], (file) => /\.(cc|h)$/.test(file));
  check("biome", ["check", "."]);
  check("clang-format", ["--dry-run", "-Werror", ...sources]);
}

function check(tool: string, args: readonly string[]): void {
  const since = performance.now();
  const { status, stdout, stderr } = spawnSync("npx", ["--no-install", tool, ...args], { cwd: repo, encoding: "utf8" });
  const isRight = status === 0;
  outcomes.push({
    file: tool,
    seconds: (performance.now() - since) / 1000,
    passed: isRight ? 1 : 0,
    failed: isRight ? 0 : 1,
    skipped: 0,
    faults: isRight ? [] : [`${tool} found faults; \`npm run format\` corrects the format`],
    output: isRight ? "" : `${stdout}${stderr}`,
  });
  console.log(progress(outcomes.at(-1)!, outcomes.length, 2));
}

async function runTests(kind: Exclude<Kind, "lint">): Promise<void> {
  const files = named.length > 0 ? named.map(nameOf) : filesOf(kind, testFiles());
  const jobs = sideBySide();
  const seconds = Math.round(MAX_SECONDS[kind] * (await slowness()));
  const limits = { seconds, graceSeconds: GRACE_SECONDS, bytes: MAX_BYTES };
  tellRoot(kind);
  process.env.TEST_SEED = `${SEED}`;
  console.log(`${files.length} test files, ${jobs} at a time; at most ${seconds} s each`);
  console.log(`Generated tests use seed ${SEED}; TEST_SEED=${SEED} repeats them`);
  const heartbeat = setInterval(tellWaiting, QUIET_SECONDS * 1000);
  let done = 0;
  await runAll(
    files.map((file) => job(file, limits)),
    jobs,
    (outcome) => {
      if (outcome === undefined) return;
      outcomes.push(outcome);
      console.log(progress(outcome, ++done, files.length));
      heartbeat.refresh();
    },
  );
  clearInterval(heartbeat);
}

function job(file: string, limits: Limits): Job<Outcome | undefined> {
  return {
    isAlone: isAlone(file),
    run: async () => {
      if (interrupted) return;
      const run = runFile(join(repo, `dist/test/${file}.test.js`), file, join(repo, "build/test-output"), limits);
      running.set(file, { run, since: performance.now() });
      const outcome = await run.outcome;
      running.delete(file);
      return outcome;
    },
  };
}

/** Tests wait for processes, so more of them run than there are processors. */
function sideBySide(): number {
  return Number(process.env.TEST_JOBS) || availableParallelism() + 1;
}

function tellRoot(kind: Kind): void {
  if (process.getuid?.() === 0 || kind === "unit") return;
  const why = "You are not root: tests on real packets need network namespaces";
  console.log(
    process.env.CI ? `${why}, and CI must run them` : `${why}. They are skipped; \`sudo npm test\` runs them`,
  );
}

function tellWaiting(): void {
  const who = [...running].map(([file, { since }]) => `${file} (${Math.round((performance.now() - since) / 1000)} s)`);
  console.log(`Still running: ${who.join(", ")}`);
}

/** A second signal ends the runner at once. */
function stopOnSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      interrupted = signal;
      for (const { run } of running.values()) run.stop();
    });
  }
}

/** dist may hold the tests of other branches: a test counts only when its source is there. */
function testFiles(): string[] {
  return walk(["test"], (file) => file.endsWith(".test.ts")).map(nameOf);
}

/** From test/live/x.test.ts, dist/test/live/x.test.js or live/x to live/x. */
function nameOf(file: string): string {
  return relative(repo, resolve(repo, file))
    .replace(/^(dist\/)?test\//, "")
    .replace(/\.test\.[jt]s$/, "");
}

function walk(folders: readonly string[], isMeant: (file: string) => boolean): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(repo, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return walk([path], isMeant);
      return isMeant(path) ? [path] : [];
    }),
  );
}
