// How the daemon that belongs to this knockctl is started, in the words of a command.

import { dirname, join } from "node:path";

/** Where the Debian packages have the scripts. Their daemon has a program of its own (native/launcher.cc). */
const OF_PACKAGE = { folder: "/usr/lib/knockd", daemon: "/usr/sbin/knockd" };

/** `knockctl`: Node, and the real path of knockctl's script. */
export function daemonCommand(knockctl: readonly string[]): string[] {
  const folder = dirname(knockctl.at(-1)!);
  return folder === OF_PACKAGE.folder ? [OF_PACKAGE.daemon] : [knockctl[0]!, join(folder, "knockd.js")];
}
