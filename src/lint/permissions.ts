// Checks file modes: who can read the secret sequences, and who can write commands that root runs.

import * as fs from "node:fs";
import type { Config } from "../config/door.ts";
import { atPlace, type Finding } from "./finding.ts";
import { modeFix } from "./fix.ts";

/** Others have no access. The group may read. */
const MAX = 0o640;

/** Checks the config and the files of one-time sequences. */
export function lintModes(file: string, config: Config | undefined): Finding[] {
  const sequences = config?.doors.flatMap(({ oneTimeSequences }) => oneTimeSequences ?? []) ?? [];
  return [...new Set([file, ...sequences])].flatMap(lintMode);
}

function lintMode(file: string): Finding[] {
  let stat: fs.Stats;
  try {
    stat = fs.statSync(file);
  } catch {
    return []; // reading the file reports that
  }
  const mode = stat.mode & 0o777;
  const what = whyNot(mode);
  if (!stat.isFile() || what === undefined) return [];
  const octal = (mode & MAX).toString(8).padStart(4, "0");
  return [
    {
      ...atPlace({ lint: "readable-by-all", file, what, hint: `Run: chmod ${octal} ${file}` }),
      fix: modeFix(file, mode, mode & MAX),
    },
  ];
}

function whyNot(mode: number): string | undefined {
  if ((mode & 0o002) !== 0) return "all users can write this file, which says what root runs";
  if ((mode & 0o004) !== 0) return "all users can read this file; it contains your secret sequences";
  if ((mode & 0o020) !== 0) return "its group can write this file, which says what root runs";
  return undefined;
}
