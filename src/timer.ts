// A timer of any length: setTimeout alone takes at most some 24 days, and fires at once above that.

const LONGEST_MS = 0x7fff_ffff;

/** Calls back after so many seconds of the monotonic clock, unless cancelled. */
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
