// Replaces a file atomically: writes a temporary file beside it and renames that. A reader sees the old file or the new one.
// A link that another user left there is not followed.

import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { requireOwnDirectories } from "./trusted-file.ts";

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_APPEND } = fs.constants;

/** Flags of open(2) for a new file. If something exists at the path, opening fails: it is neither followed nor truncated. */
export const NEW_FILE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND;

export interface ReplaceOptions {
  readonly mode: number;
  /** The owner of the new file. It is ours if undefined, or if we may not give files away (CAP_CHOWN). */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** False: do not wait until the file is on the disk. */
  readonly sync?: boolean;
}

/** Throws an Error with the system's reason; then the old file is unchanged. */
export function replaceFile(path: string, data: string | Uint8Array, options: ReplaceOptions): void {
  requireOwnDirectories(path);
  const there = fs.lstatSync(path, { throwIfNoEntry: false });
  if (there !== undefined && !(there.isFile() || there.isSymbolicLink() || there.isDirectory())) {
    throw new Error("not a regular file"); // renaming would replace /dev/null by a file
  }
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`);
  try {
    fs.rmSync(temporary, { force: true });
    write(temporary, data, options);
    fs.renameSync(temporary, path);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    const { path: named } = error as NodeJS.ErrnoException;
    if (named === temporary) (error as NodeJS.ErrnoException).path = path; // name the file that the user knows
    throw error;
  }
  if (options.sync !== false) syncDirectory(path);
}

/** Waits until files that were made, renamed or removed in the directory of this path are on the disk. */
export function syncDirectory(path: string): void {
  const directory = fs.openSync(dirname(path), fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  try {
    fs.fsyncSync(directory);
  } finally {
    fs.closeSync(directory);
  }
}

/** Sets owner and mode before it writes the first byte, which may belong to a secret. */
function write(path: string, data: string | Uint8Array, { mode, owner, sync }: ReplaceOptions): void {
  const file = fs.openSync(path, NEW_FILE, 0o600);
  try {
    if (owner !== undefined) giveTo(file, owner);
    fs.fchmodSync(file, mode & 0o7777);
    fs.writeFileSync(file, data);
    if (sync !== false) fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}

function giveTo(file: number, { uid, gid }: NonNullable<ReplaceOptions["owner"]>): void {
  try {
    fs.fchownSync(file, uid, gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}
