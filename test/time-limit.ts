// The time limits of tests. A test waits for an event; how long at most depends on how busy this machine is now, which a start
// of Node shows. It is measured only when a limit has passed, so that a test that goes well does not pay for it.
import { spawn, spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

/** What a start of Node takes on a quiet machine. */
const QUIET_MS = 45;
/** Load comes in bursts: the start that is measured may have been lucky. */
const LEAST = 3;
/** A machine slower than this is no machine to test on. */
const MAX = 15;

const NODE = [process.execPath, ["-e", ""], { stdio: "ignore" }] as const;

/** How many times as long as a quiet machine this one needs now. */
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

/** A limit for what has to know it beforehand, such as a program's time in execFileSync. */
export function scaled(ms: number): number {
  once ??= factor(startMs());
  return Math.round(ms * once);
}

/** An upper bound that a test asserts: on a quiet machine it is what it says, and a busy one has more time. */
export const bound = (ms: number): number => ms * factor(startMs(), 1);

/** Asks until the answer is yes. False when it is still no after the limit: `ms` on a quiet machine. */
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

/** Does something when the limit has passed: `ms` on a quiet machine. The result takes it back. */
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

/** The same for the shell, a minute long at most: a loop without end would outlive a test that is killed. */
export const untilShell = (test: string): string => `for i in $(seq 3000); do ${test} && break; sleep 0.02; done`;
