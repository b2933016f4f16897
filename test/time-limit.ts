// The time limits of tests. A test waits for an event; the longest wait depends on how busy this machine is now, which
// the start of a Node process shows. That is measured only after a limit has passed, so that successful tests do not
// pay for it.
import { spawn, spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

/** How long Node takes to start on a quiet machine. */
const QUIET_MS = 45;
/** Load comes in bursts: the start that was measured may have been a lucky one. */
const LEAST = 3;
/** A slower machine than this can't be used for testing. */
const MAX = 15;

const NODE = [process.execPath, ["-e", ""], { stdio: "ignore" }] as const;

/** How many times slower this machine is now than a quiet one. */
export async function slowness(): Promise<number> {
  const begun = performance.now();
  await new Promise((resolve) => spawn(...NODE).once("close", resolve));
  return factor(performance.now() - begun);
}

export const factor = (startMs: number, least = LEAST): number => Math.min(Math.max(startMs / QUIET_MS, least), MAX);

function startMs(): number {
  const begun = performance.now();
  spawnSync(...NODE);
  return performance.now() - begun;
}

let once: number | undefined;

/** A limit for code that must know it in advance, such as the timeout of execFileSync. */
export function scaled(ms: number): number {
  once ??= factor(startMs());
  return Math.round(ms * once);
}

/** An upper bound that a test asserts: as given on a quiet machine, and longer on a busy one. */
export const bound = (ms: number): number => ms * factor(startMs(), 1);

/** Asks until the answer is yes. Returns false if it is still no after the limit: `ms` on a quiet machine. */
export async function until(isTrue: () => boolean | Promise<boolean>, ms: number, stepMs = 5): Promise<boolean> {
  const begun = performance.now();
  for (let limit = ms, isScaled = false; ; await sleep(stepMs)) {
    if (await isTrue()) return true;
    if (performance.now() - begun <= limit) continue;
    if (isScaled) return false;
    limit = ms * (await slowness());
    isScaled = true;
  }
}

/** Acts when the limit has passed: `ms` on a quiet machine. Returns a function that cancels it. */
export function after(ms: number, action: () => void): () => void {
  const begun = performance.now();
  let isOff = false;
  let timer = setTimeout(async () => {
    const left = ms * (await slowness()) - (performance.now() - begun);
    if (!isOff) timer = setTimeout(action, Math.max(left, 0));
  }, ms);
  return () => {
    isOff = true;
    clearTimeout(timer);
  };
}

/** The same for the shell, at most a minute long: an endless loop would outlive a test that is killed. */
export const untilShell = (test: string): string => `for i in $(seq 3000); do ${test} && break; sleep 0.02; done`;
