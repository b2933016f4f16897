// Mount namespaces that a test has made, and the small disks in them. Tests enter namespaces and fill disks only
// through this file, so that neither can reach this machine's own files.
import { execFileSync } from "node:child_process";

/** No disk that a test fills is larger. */
const MAX_BYTES = 8 << 20;

/** The names of file systems in memory, in /proc/mounts. */
export type Disk = "private-run" | "private-disk";

/**
 * Runs a program in the mount namespace of a process, and below that process's root. Without the root, and in a chroot that was
 * made without pivot_root, it would see the files of the machine around the chroot.
 */
export const inMountsOf = (pid: number, ...argv: readonly string[]): string[] => [
  "nsenter",
  "--mount",
  "--root",
  "--wd",
  `--target=${pid}`,
  ...argv,
];

/** A shell condition: is `folder` on that disk? Both are words of the shell. */
const isOn = (folder: string, disk: Disk): string => `[ "$(df --output=source ${folder} | tail -n 1)" = ${disk} ]`;

/** Shell that fills the disk which `folder` (a word of the shell) lies on, but no other disk, and never with more than a few MiB. */
export function filling(folder: string, disk: Disk, file = "filler"): string {
  const refuse = `{ echo "${folder.replaceAll('"', "")} is not on ${disk}: not filled" >&2; false; }`;
  return `{ ${isOn(folder, disk)} || ${refuse}; } && head -c ${MAX_BYTES} /dev/zero >${folder}/${file}`;
}

/** Throws if a program in that process's mount namespace would see another disk at `folder`. */
export function assertPrivate(pid: number, folder: string, disk: Disk): void {
  const [program, ...args] = inMountsOf(pid, "sh", "-c", isOn(folder, disk));
  try {
    execFileSync(program!, args);
  } catch {
    throw new Error(`${folder} of process ${pid} is not on ${disk}: nothing may be written there`);
  }
}
