// Reads a whole file that another user may have written, without hanging on it or filling the memory.

import * as fs from "node:fs";
import { openUnlinked } from "./trusted-file.ts";

/** No config or file of one-time sequences is larger. */
export const MAX_BYTES = 16 << 20;

export interface ReadOptions {
  readonly most?: number;
  /** Throws an Error when this open file is not to be trusted. */
  readonly check?: (file: number) => void;
}

/**
 * The bytes of a regular file. A fifo that nobody writes would hang the daemon at the open, a device at the read: neither is
 * waited for. A link that another user may have left is not followed. Throws an Error that systemWords understands.
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
