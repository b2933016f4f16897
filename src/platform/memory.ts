// Reduces Node's use of memory, which is scarce on a Pi.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { native } from "./native.ts";

// V8 doubles its space for new objects, up to 32 MB, whenever it has been full: the loading of the modules does it, and a
// flood. All that they leave behind is garbage at once.
setFlagsFromString("--semi-space-growth-factor=1");

/** Eight seconds after a full collection V8 collects again, in small pieces, and reads megabytes of its own code for it. */
const COLLECTED_AGAIN_MS = 15_000;
let later: NodeJS.Timeout | undefined;

/** Returns unused memory to the system after the start and after a flood. Takes about ten milliseconds. */
export function releaseUnusedMemory(): void {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect(); // else V8 waits for more to do, and in idleness there is none
  releaseFilePages();
  clearTimeout(later);
  later = setTimeout(releaseFilePages, COLLECTED_AGAIN_MS).unref();
}

/**
 * What was read of the files of programs: a check that we hear touches nine megabytes of Node's, for a millisecond. They
 * stay in the system's cache, and come back as they are used. Takes two milliseconds.
 */
export const releaseFilePages = (): void => native.releaseUnusedMemory();

/** Sets them to 0; their memory goes back at once. */
export function clear(buffers: readonly ArrayBuffer[]): void {
  for (const buffer of buffers) native.zeroAndRelease(buffer);
}
