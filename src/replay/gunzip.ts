// Decompresses a capture for libpcap, which needs a file that can be read twice.

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatOf, HEAD_BYTES } from "../platform/compression.ts";
import * as gzip from "../platform/gunzip.ts";
import { native } from "../platform/native.ts";

/** Descriptor 0. */
const STDIN = 0;

/** Does standard input begin as gzip's files do? Waits for its first bytes, and leaves them there. */
export function isInputGzip(): boolean {
  try {
    return gzip.isGzip(native.peek(STDIN, 2));
  } catch {
    return false; // a device, which libpcap may be able to read
  }
}

/** Does this regular file begin with the bytes of gzip? Throws an Error if another program has compressed it. */
export function isGzip(path: string): boolean {
  const head = Buffer.alloc(HEAD_BYTES);
  const file = fs.openSync(path, "r");
  try {
    fs.readSync(file, head, 0, head.length, 0); // a shorter file leaves zeros
  } finally {
    fs.closeSync(file);
  }
  const other = formatOf(head);
  if (other !== undefined) throw new Error(`it is ${other[1]}: ${other[2]} FILE | knockctl replay -`);
  return gzip.isGzip(head);
}

export interface Gunzipped {
  /** It can be read repeatedly while this process lives, and leaves nothing on the disk. */
  readonly path: string;
  /** What is wrong with the file, in zlib's words. `path` then holds the part before the damage. */
  readonly damage: string | undefined;
}

/** `path`: undefined for standard input. Rejects in the system's words when there is no room for it. */
export async function gunzip(path: string | undefined): Promise<Gunzipped> {
  const directory = fs.mkdtempSync(join(tmpdir(), "knockctl-"));
  const copy = join(directory, "capture");
  const file = fs.openSync(copy, "wx+", 0o600);
  fs.rmSync(directory, { recursive: true }); // it exists as long as the descriptor is open
  let damage: string | undefined;
  try {
    for await (const chunk of gzip.gunzip(bytesOf(path))) fs.writeFileSync(file, chunk);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith("Z_")) throw error;
    damage = message;
  }
  return { path: `/proc/self/fd/${file}`, damage };
}

function bytesOf(path: string | undefined): fs.ReadStream {
  return path === undefined ? fs.createReadStream("", { fd: STDIN, autoClose: false }) : fs.createReadStream(path);
}
