// Reads a whole file that another user may have written, without hanging on it or filling the memory.

import * as fs from "node:fs";
import { openUnlinked } from "./trusted-file.ts";

/** A larger config or file of one-time sequences is refused. */
export const MAX_BYTES = 16 << 20;

export interface ReadOptions {
  readonly most?: number;
  /** Throws an Error if this open file cannot be trusted. */
  readonly check?: (file: number) => void;
}

/**
 * Reads a regular file. Does not wait for a fifo or a device: opening a fifo without a writer, or reading a device, would hang
 * the daemon. Does not follow a link that another user may have left. Throws an Error for systemErrorText.
 */
export function readRegularFile(
  path: string,
  access: number = fs.constants.O_RDONLY,
  { most = MAX_BYTES, check }: ReadOptions = {},
): Buffer {
  const file = openUnlinked(path, access);
  try {
    const stat = fs.fstatSync(file);
    if (!stat.isFile() && !stat.isDirectory()) throw new Error("not a regular file"); // reading a directory fails by itself
    if (stat.size > most) throw new Error(`larger than ${most >> 20} MiB`);
    check?.(file);
    return fs.readFileSync(file);
  } finally {
    fs.closeSync(file);
  }
}
