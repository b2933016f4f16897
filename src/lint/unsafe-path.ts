// Paths that another user of this machine can write, replace, or make before knockd does: the daemon refuses such a file,
// or would hand that user what it keeps there.

import * as fs from "node:fs";
import { dirname } from "node:path";
import type { Config } from "../config/door.ts";
import { isOurs, whyUntrusted } from "../platform/trusted-file.ts";
import { type Finding, warning } from "./finding.ts";

const [GROUP_WRITES, ALL_WRITE, STICKY] = [0o020, 0o002, 0o1000] as const;

export function lintUnsafePaths(config: Config): Finding[] {
  const { options, doors } = config;
  const hint = "keep it in a directory that only root can write";
  const own = whyUnsafe(config.file);
  const files = [
    { of: options, directive: "statefile", path: options.stateFile },
    { of: options, directive: "pidfile", path: options.pidFile },
    { of: options, directive: "logfile", path: options.logFile },
    ...doors.map((of) => ({ of, directive: "one_time_sequences", path: of.oneTimeSequences })),
  ];
  return [
    ...(own === undefined ? [] : [ofConfig(config.file, own, hint)]),
    ...files.flatMap(({ of, directive, path }) => {
      const why = path === undefined ? undefined : whyUnsafe(path, directive === "logfile");
      return why === undefined ? [] : [warning({ config, of, directive }, "unsafe-path", why, hint)];
    }),
  ];
}

function ofConfig(file: string, why: string, hint: string): Finding {
  return { severity: "warning", lint: "unsafe-path", file, line: undefined, text: `${file}: ${why}`, hint };
}

/** A log is trusted by nobody: its directory may be a group's, as /var/log on Ubuntu. */
export function whyUnsafe(path: string, isLog = false): string | undefined {
  if (!path.startsWith("/")) return undefined; // it depends on where knockd is started
  let real: string;
  let directory: string;
  try {
    real = realOf(path);
    directory = dirname(real);
    const written = isLog ? ALL_WRITE : ALL_WRITE | GROUP_WRITES;
    for (let one = directory; ; one = dirname(one)) {
      const { uid, mode } = fs.statSync(one);
      if (!isOurs(uid)) return `${one} belongs to another user (uid ${uid}), who can replace what is in it`;
      if ((mode & written) !== 0 && (mode & STICKY) === 0)
        return `other users can write ${one}, and replace what is in it`;
      if (one === "/") break;
    }
  } catch {
    return undefined; // it is not there, or nothing for us: told by who opens it
  }
  const stat = fs.lstatSync(real, { throwIfNoEntry: false });
  const isShared = (fs.statSync(directory).mode & ALL_WRITE) !== 0;
  if (stat === undefined) return isShared ? `everybody can make it in ${directory} before knockd does` : undefined;
  if (!stat.isFile()) return undefined;
  const why = whyUntrusted(isLog ? { uid: stat.uid, mode: 0 } : stat);
  return why === undefined || (isLog && !isShared) ? undefined : `${real}: ${why}`;
}

/** Through the links that are there; of a file that is not there, in its directory. */
function realOf(path: string): string {
  if (fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined) return fs.realpathSync(path);
  return `${fs.realpathSync(dirname(path)).replace(/\/$/, "")}/${path.slice(path.lastIndexOf("/") + 1)}`;
}
