// A file that someone else wrote, read whole, by a daemon that must neither hang on it nor be filled by it.

import * as fs from "node:fs";

/** No config or one-time file that a person keeps comes near it. */
export const MOST_BYTES = 16 << 20;

/**
 * The bytes of a regular file. A fifo that nobody writes would hang the daemon at the open, a device at the read: neither is
 * waited for. Throws an Error that systemWords understands.
 */
export function readRegularFile(path: string, access: number = fs.constants.O_RDONLY, most = MOST_BYTES): Buffer {
  const file = fs.openSync(path, access | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY);
  try {
    const stat = fs.fstatSync(file);
    if (!stat.isFile() && !stat.isDirectory()) throw new Error("not a regular file"); // reading a directory fails by itself
    if (stat.size > most) throw new Error(`larger than ${most >> 20} MiB`);
    return fs.readFileSync(file);
  } finally {
    fs.closeSync(file);
  }
}
