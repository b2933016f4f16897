// Takes from this process, for good, what it needs only to run commands: code that an attacker brings into it can then start
// no program, become no other user and change nothing of the kernel's.

import * as fs from "node:fs";
import { dirname } from "node:path";
import { native } from "./native.ts";

/** Of capabilities(7). */
const CAP_CHOWN = 0;
const CAP_DAC_OVERRIDE = 1;
const CAP_FOWNER = 3;
const CAP_NET_ADMIN = 12;
const CAP_NET_RAW = 13;

/** To listen, and to change firewall sets. */
const NETWORK = [CAP_NET_RAW, CAP_NET_ADMIN];
/** To open files of other users, and to replace them. */
const FILES = [CAP_DAC_OVERRIDE, CAP_CHOWN, CAP_FOWNER];

/**
 * `files` are those that it will open again. Returns those of other users, for whose sake it keeps more rights.
 * Throws in the system's words.
 */
export function lockDown(files: readonly string[]): readonly string[] {
  const foreign = files.filter((path) => !isWithinReach(path));
  native.lockDown(foreign.length > 0 ? [...NETWORK, ...FILES] : NETWORK);
  return foreign;
}

/** Can we open it as its owner? The same of each directory on the way: a closed one of another user stops us too. */
function isWithinReach(path: string): boolean {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat !== undefined && stat.uid !== process.geteuid!()) return false;
  const parent = dirname(path);
  return parent === path || isWithinReach(parent);
}
