// The files of a journal and their directory, off the event loop.

import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname } from "node:path";
import { requireOwnDirectories } from "../platform/trusted-file.ts";

/** A shorter file that is being made, to take the place of one that has grown long. */
export interface Copy {
  readonly file: fs.FileHandle;
  readonly rest: Iterator<string>;
  bytes: number;
  /** All is in it; and that is on the disk. */
  isWhole: boolean;
  isSafe: boolean;
  /** The last change that is in it. */
  upTo: number;
}

/** Readable by its owner alone: stop commands can hold secrets. Makes the directory if it is missing, but not its parents. */
export async function openIn(path: string, flags: number): Promise<fs.FileHandle> {
  requireOwnDirectories(path);
  try {
    return await fs.open(path, flags, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    await fs.mkdir(dirname(path), { mode: 0o700 });
    return fs.open(path, flags, 0o600);
  }
}

/**
 * Is it still this file that is at the path? Somebody may have removed or replaced it: systemd-tmpfiles removes from /tmp what
 * was not used for ten days.
 */
export async function isAt(path: string, file: fs.FileHandle): Promise<boolean> {
  const [there, own] = await Promise.all([fs.lstat(path).catch(() => undefined), file.stat()]);
  return there !== undefined && there.ino === own.ino && there.dev === own.dev;
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await fs.open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  await directory.sync().finally(() => directory.close());
}
