// Besides root, members of the group `knockd` may use the socket, if the group exists (the Debian package makes it).
// File modes enforce this: inside root's directory is a directory of the group, which holds the group's sockets.

import * as fs from "node:fs";
import { dirname } from "node:path";

const NAME = "knockd";
/** Lets others pass through root's directory. Its files keep their own modes. */
const MAY_PASS = 0o011;
/** The group may list its own directory. */
const [MODE, MAY_LOOK] = [0o750, 0o050] as const;
/** Connecting to a socket needs write permission. */
const MAY_ASK = 0o060;

/** The group's ID; undefined without such a group. Node has no getgrnam(3), so only local groups count. */
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
 * Makes the group's directory if it does not exist. Under systemd the unit makes it, because the daemon lacks CAP_CHOWN. Its
 * set-gid bit gives the socket to the group from the beginning. Throws in the system's words.
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

/** Lets the group connect to a socket. Throws in the system's words. */
export function grantAccess(group: number, path: string): void {
  letIn(group, path, MAY_ASK);
}

function letIn(group: number | undefined, path: string, bits: number): void {
  const { gid, mode } = fs.statSync(path);
  if (group !== undefined && gid !== group) fs.chownSync(path, -1, group);
  if ((mode & bits) !== bits) fs.chmodSync(path, (mode & 0o7777) | bits);
}
