// Finds paths that another user of this machine can write, replace or create before knockd does. The daemon refuses such a
// file, because its contents could be forged or read by that user.

import * as fs from "node:fs";
import { dirname } from "node:path";
import type { Config } from "../config/door.ts";
import { isOurs, whyUntrusted } from "../platform/trusted-file.ts";
import { atLine, atPlace, type Finding } from "./finding.ts";

const [GROUP_WRITES, ALL_WRITE, STICKY] = [0o020, 0o002, 0o1000] as const;

export function lintUnsafePaths(config: Config): Finding[] {
  const { options, doors } = config;
  const hint = "Use a directory that only root can write.";
  const own = whyUnsafe(config.file);
  const files = [
    { of: options, directive: "statefile", path: options.stateFile },
    { of: options, directive: "pidfile", path: options.pidFile },
    { of: options, directive: "logfile", path: options.logFile },
    { of: options, directive: "clientsstate", path: options.clientsState },
    ...doors.map((of) => ({ of, directive: "one_time_sequences", path: of.oneTimeSequences })),
    ...doors.map((of) => ({ of, directive: "clients", path: of.clientsFile })),
  ];
  return [
    ...(own === undefined ? [] : [atPlace({ lint: "unsafe-path", file: config.file, what: own, hint })]),
    ...files.flatMap(({ of, directive, path }) => {
      const why = path === undefined ? undefined : whyUnsafe(path, directive === "logfile");
      return why === undefined ? [] : [atLine({ config, of, directive }, "unsafe-path", why, hint)];
    }),
  ];
}

/** No program trusts a log, so its directory may belong to a group, as /var/log does on Ubuntu. */
export function whyUnsafe(path: string, isLog = false): string | undefined {
  if (!path.startsWith("/")) return undefined; // relative to the directory in which knockd starts
  let real: string;
  let directory: string;
  try {
    real = realOf(path);
    directory = dirname(real);
    const written = isLog ? ALL_WRITE : ALL_WRITE | GROUP_WRITES;
    for (let one = directory; ; one = dirname(one)) {
      const { uid, mode } = fs.statSync(one);
      if (!isOurs(uid)) return `${one} belongs to another user (uid ${uid}), who can replace files in it`;
      if ((mode & written) !== 0 && (mode & STICKY) === 0)
        return `other users can write the directory ${one} and replace files in it`;
      if (one === "/") break;
    }
  } catch {
    return undefined; // missing or not accessible: opening it reports that
  }
  const stat = fs.lstatSync(real, { throwIfNoEntry: false });
  const isShared = (fs.statSync(directory).mode & ALL_WRITE) !== 0;
  if (stat === undefined) return isShared ? `other users can create it in ${directory} before knockd does` : undefined;
  if (!stat.isFile()) return undefined;
  const why = whyUntrusted(isLog ? { uid: stat.uid, mode: 0 } : stat);
  return why === undefined || (isLog && !isShared) ? undefined : `${real}: ${why}`;
}

/** Follows links. For a missing file, follows those of its directory. */
function realOf(path: string): string {
  if (fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined) return fs.realpathSync(path);
  return `${fs.realpathSync(dirname(path)).replace(/\/$/, "")}/${path.slice(path.lastIndexOf("/") + 1)}`;
}
