// Who may read the secret, and who may write what root runs.

import * as fs from "node:fs";
import type { Config } from "../config/door.ts";
import type { Finding } from "./finding.ts";
import { modeFix } from "./fix.ts";

/** Of others nothing, of the group that it may read. */
const MOST = 0o640;

/** The config, and the files of one-time sequences. */
export function lintModes(file: string, config: Config | undefined): Finding[] {
  const sequences = config?.doors.flatMap(({ oneTimeSequences }) => oneTimeSequences ?? []) ?? [];
  return [...new Set([file, ...sequences])].flatMap(lintMode);
}

function lintMode(file: string): Finding[] {
  let stat: fs.Stats;
  try {
    stat = fs.statSync(file);
  } catch {
    return []; // told by who reads it
  }
  const mode = stat.mode & 0o777;
  const why = whyNot(mode);
  if (!stat.isFile() || why === undefined) return [];
  return [
    {
      severity: "warning",
      lint: "readable-by-all",
      file,
      line: undefined,
      text: `${file}: ${why}`,
      hint: `chmod ${(mode & MOST).toString(8).padStart(4, "0")} ${file}`,
      fix: modeFix(file, mode, mode & MOST),
    },
  ];
}

function whyNot(mode: number): string | undefined {
  if ((mode & 0o002) !== 0) return "everybody on this machine may write it, and so say what root runs";
  if ((mode & 0o004) !== 0) return "everybody on this machine may read the sequences";
  if ((mode & 0o020) !== 0) return "its group may write it, and so say what root runs";
  return undefined;
}
