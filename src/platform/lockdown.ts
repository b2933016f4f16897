// Gives up, for good, every right that this process needs only to run commands. If an attacker then runs code inside it, that
// code can start no program, become no other user and change nothing in the kernel but firewall rules.

import * as fs from "node:fs";
import { dirname } from "node:path";
import { native } from "./native.ts";

/** Numbers of capabilities(7). */
const CAP_CHOWN = 0;
const CAP_DAC_OVERRIDE = 1;
const CAP_FOWNER = 3;
const CAP_NET_ADMIN = 12;
const CAP_NET_RAW = 13;

/** Needed to listen and to change firewall sets. */
const NETWORK = [CAP_NET_RAW, CAP_NET_ADMIN];
/** Needed to open and replace files of other users. */
const FILES = [CAP_DAC_OVERRIDE, CAP_CHOWN, CAP_FOWNER];

/**
 * `files` are the files that the process will open again. Returns those that belong to other users: for them the process
 * keeps more rights. Throws an Error with the system's reason.
 */
export function lockDown(files: readonly string[]): readonly string[] {
  const foreign = files.filter((path) => !isWithinReach(path));
  native.lockDown(foreign.length > 0 ? [...NETWORK, ...FILES] : NETWORK);
  return foreign;
}

/** Do the file and each directory of its path belong to us? A directory of another user can keep us out, too. */
function isWithinReach(path: string): boolean {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat !== undefined && stat.uid !== process.geteuid!()) return false;
  const parent = dirname(path);
  return parent === path || isWithinReach(parent);
}
