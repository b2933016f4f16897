// Decides which files to trust: those that no other user of this machine can write or could have created.
// If root opens a predictable path in /tmp, it opens what an attacker has left there.

import * as fs from "node:fs";
import { dirname, resolve } from "node:path";

type Owned = Pick<fs.Stats, "uid" | "mode">;
type Linked = Pick<fs.Stats, "nlink">;

const WRITTEN_BY_OTHERS = 0o022;
const WRITTEN_BY_ALL = 0o002;
const STICKY = 0o1000;

/** Does it belong to root, or to the user of this process? */
export function isOurs(uid: number): boolean {
  return uid === 0 || uid === process.geteuid!();
}

/** Why another user could have written the file. Undefined if none could. */
export function whyUntrusted({ uid, mode }: Owned): string | undefined {
  if (!isOurs(uid)) return `it belongs to another user (uid ${uid})`;
  if ((mode & WRITTEN_BY_OTHERS) !== 0) return "other users can write it";
  return undefined;
}

/**
 * Why another user could rename or replace the files in a directory. Undefined if none could. In a sticky directory such as
 * /tmp, users cannot touch the files of others.
 */
export function whyUntrustedDirectory({ uid, mode }: Owned): string | undefined {
  if (!isOurs(uid)) return `its directory belongs to another user (uid ${uid})`;
  if ((mode & WRITTEN_BY_OTHERS) !== 0 && (mode & STICKY) === 0) return "other users can write its directory";
  return undefined;
}

/** Why the file may be a hard link to another file of ours, which we would trust or write. Users can make one even in /tmp. */
export function whyHardLink({ nlink }: Linked, directory: Owned): string | undefined {
  if (nlink <= 1 || (isOurs(directory.uid) && (directory.mode & WRITTEN_BY_OTHERS) === 0)) return undefined;
  return "it is a hard link that another user may have made";
}

/** Throws an Error if another user could have written this open file or put it there. */
export function requireTrusted(file: number, path: string): void {
  const [stat, directory] = [fs.fstatSync(file), fs.statSync(dirname(path))];
  const why = whyUntrusted(stat) ?? whyUntrustedDirectory(directory) ?? whyHardLink(stat, directory);
  if (why !== undefined) throw new Error(why);
}

/**
 * Throws an Error if a directory of this path is a link that another user has made: a file in `/tmp/knockd` would be made
 * wherever that link leads.
 */
export function requireOwnDirectories(path: string): void {
  for (let one = dirname(resolve(path)); one !== "/"; one = dirname(one)) {
    const stat = fs.lstatSync(one, { throwIfNoEntry: false });
    // In a user namespace, the link /var/run may belong to a root that has no id here. Then "/" has the same owner.
    if (stat?.isSymbolicLink() && !isOurs(stat.uid) && stat.uid !== fs.lstatSync("/").uid)
      throw new Error(`its directory ${one} is a symbolic link of another user (uid ${stat.uid})`);
  }
}

/**
 * Is a file of another user at its proper place? Yes, if only root or the directory's owner can have put it there. In /tmp it
 * may be an attacker's file.
 */
export function isPlaced({ uid }: Owned, directory: Owned): boolean {
  const isRoots = isOurs(directory.uid) && (directory.mode & WRITTEN_BY_OTHERS) === 0;
  return isOurs(uid) || isRoots || uid === directory.uid;
}

/** Throws an Error if a stranger may have put this open file there, or if everyone can write it. */
export function requirePlaced(file: number, path: string): void {
  const [stat, directory] = [fs.fstatSync(file), fs.statSync(dirname(path))];
  if (!isPlaced(stat, directory)) throw new Error(`it belongs to another user (uid ${stat.uid})`);
  if ((stat.mode & WRITTEN_BY_ALL) !== 0) throw new Error("other users can write it");
  const why = isOurs(stat.uid) ? whyHardLink(stat, directory) : undefined;
  if (why !== undefined) throw new Error(why);
}

/**
 * Opens a file. Follows a symbolic link in its place only if no other user could have made it. Does not wait for the other end
 * of a fifo.
 */
export function openUnlinked(path: string, flags: number, mode?: number): number {
  const careful = flags | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY;
  requireOwnDirectories(path);
  try {
    return fs.openSync(path, careful | fs.constants.O_NOFOLLOW, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ELOOP") throw error;
    const { uid } = fs.lstatSync(path);
    const why = isOurs(uid) ? whyUntrustedDirectory(fs.statSync(dirname(path))) : "of another user";
    if (why !== undefined) throw new Error(`it is a symbolic link (${why})`);
    return fs.openSync(path, careful, mode);
  }
}
