// Who may look, beside root: the group `knockd`, where it exists (the Debian package makes it). The kernel sees to it, by
// what the files allow: a directory of the group's in root's, and its sockets in there.

import * as fs from "node:fs";
import { dirname } from "node:path";

const NAME = "knockd";
/** Root's directory may be gone through; what lies there stays root's by its own mode. */
const MAY_PASS = 0o011;
/** The group sees what is in its own. */
const [MODE, MAY_LOOK] = [0o750, 0o050] as const;
/** Who connects to a socket, writes. */
const MAY_ASK = 0o060;

/** Its number; undefined where there is none. Node has no getgrnam(3): one of this machine's own groups. */
export function readers(file = "/etc/group"): number | undefined {
  let text: string;
  try {
    text = fs.readFileSync(file, "latin1");
  } catch {
    return undefined;
  }
  const line = text.split("\n").find((one) => one.startsWith(`${NAME}:`));
  const number = Number(line?.split(":")[2] || Number.NaN);
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}

/**
 * Makes the group's directory, unless it is there. Under systemd the unit has made it, as we may not (CAP_CHOWN), and with
 * the set-gid bit, by which our socket in there is the group's from its beginning. Throws in the system's words.
 */
export function makeGroupDirectory(group: number, path: string): void {
  letIn(undefined, dirname(path), MAY_PASS);
  try {
    fs.mkdirSync(path, { mode: MODE });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  letIn(group, path, MAY_LOOK);
}

/** Lets the group ask at a socket. Throws in the system's words. */
export function grantAccess(group: number, path: string): void {
  letIn(group, path, MAY_ASK);
}

function letIn(group: number | undefined, path: string, bits: number): void {
  const { gid, mode } = fs.statSync(path);
  if (group !== undefined && gid !== group) fs.chownSync(path, -1, group);
  if ((mode & bits) !== bits) fs.chmodSync(path, (mode & 0o7777) | bits);
}
