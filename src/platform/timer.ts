// Timers of any length: setTimeout takes at most about 24 days, and fires at once above that.

const LONGEST_MS = 0x7fff_ffff;

/** Resolves with the promise, or after this many milliseconds. */
export async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([promise, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

/** Calls back after this many seconds of the monotonic clock, unless cancelled. */
export function after(seconds: number, callback: () => void): { cancel(): void } {
  let left = seconds * 1000;
  let timer: NodeJS.Timeout;
  const wait = () => {
    const part = Math.min(left, LONGEST_MS);
    left -= part;
    timer = setTimeout(left > 0 ? wait : callback, part);
  };
  wait();
  return { cancel: () => clearTimeout(timer) };
}
