// Reduces Node's use of memory, which is scarce on a Pi.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { native } from "./native.ts";

// V8 doubles its space for new objects, up to 32 MB, whenever it has been full. Loading the modules fills it, and so does a
// flood. Both leave only garbage.
setFlagsFromString("--semi-space-growth-factor=1");

/** Eight seconds after a full collection V8 collects again, in small pieces, and reads megabytes of its own code for it. */
const COLLECTED_AGAIN_MS = 15_000;
let later: NodeJS.Timeout | undefined;

/** Returns unused memory to the system after the start and after a flood. Takes about ten milliseconds. */
export function releaseUnusedMemory(): void {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect(); // an idle V8 would not collect by itself
  releaseFilePages();
  clearTimeout(later);
  later = setTimeout(releaseFilePages, COLLECTED_AGAIN_MS).unref();
}

/**
 * Releases the pages of program files. A self-test touches nine megabytes of Node's file for a millisecond. The pages stay in
 * the system's cache, and come back when they are used. Takes two milliseconds.
 */
export const releaseFilePages = (): void => native.releaseUnusedMemory();

/** Sets all bytes to 0. The memory goes back to the system at once. */
export function clear(buffers: readonly ArrayBuffer[]): void {
  for (const buffer of buffers) native.zeroAndRelease(buffer);
}
