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
  /** `isWhole`: everything is written into it. `isSafe`: everything is on the disk, too. */
  isWhole: boolean;
  isSafe: boolean;
  /** The number of the last change that is in it. */
  upTo: number;
}

/** Opens a file for its owner only: stop commands can hold secrets. Makes a missing directory, but not its parents. */
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
 * Is this file still at its path? Somebody may have removed or replaced it: systemd-tmpfiles removes files from /tmp that
 * were not used for ten days.
 */
export async function isAt(path: string, file: fs.FileHandle): Promise<boolean> {
  const [there, own] = await Promise.all([fs.lstat(path).catch(() => undefined), file.stat()]);
  return there !== undefined && there.ino === own.ino && there.dev === own.dev;
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await fs.open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  await directory.sync().finally(() => directory.close());
}
