// Who may look, beside root: the group `knockd`, where it exists (the Debian package makes it). The kernel sees to it, by
// what the files allow; for that the group has to come as far as the directory of the sockets.

import * as fs from "node:fs";

const NAME = "knockd";
/** To go through a directory, and to see what is in it. */
const MAY_LOOK = 0o050;

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
 * Lets the group in, unless it is in already: what lies there stays root's by its own mode. Under systemd the unit has done
 * it, as we may not (CAP_CHOWN). Throws in the system's words.
 */
export function letIn(group: number, path: string, bits = MAY_LOOK): void {
  const { gid, mode } = fs.statSync(path);
  if (gid !== group) fs.chownSync(path, -1, group);
  if ((mode & bits) !== bits) fs.chmodSync(path, (mode & 0o7777) | bits);
}
