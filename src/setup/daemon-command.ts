// The command that starts the daemon that belongs to this knockctl.

import { dirname, join } from "node:path";

/** The files of the Debian packages. Their daemon is a program of its own (native/launcher.cc). */
const OF_PACKAGE = { folder: "/usr/lib/knockd", daemon: "/usr/sbin/knockd" };

/** `knockctl`: the path of Node, and the real path of knockctl's script. */
export function daemonCommand(knockctl: readonly string[]): string[] {
  const folder = dirname(knockctl.at(-1)!);
  return folder === OF_PACKAGE.folder ? [OF_PACKAGE.daemon] : [knockctl[0]!, join(folder, "knockd.js")];
}
