// Which config a daemon works for. The trial of `knockctl init` reads a copy, and works for the config that it may become.

import { readFileSync } from "node:fs";
import { realPath } from "./real-path.ts";

/** Only root can read it. Not in /run/knockd, which may belong to the daemon's own user, and which a purge removes. */
export const TRIAL = "/run/knockd-init";
/** What the daemon reads during a trial. */
export const TRIAL_CONFIG = `${TRIAL}/knockd.conf`;
/** What the last trial was about (`Tried`). It stays when the trial has ended. */
export const TRIED = `${TRIAL}.tried`;

/** The real path of the config that this file is, or is tried for. */
export function configIdentity(file: string): string {
  const path = realPath(file);
  return path === TRIAL_CONFIG ? (configOfTrial() ?? path) : path;
}

function configOfTrial(): string | undefined {
  try {
    return JSON.parse(readFileSync(TRIED, "utf8")).config;
  } catch {
    return undefined; // there is none, or it is not for this user
  }
}
