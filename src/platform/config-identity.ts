// The identity of a config: which config a daemon works for. During a trial of `knockctl init` the daemon reads a copy, but it
// works for the config that the copy may become.

import { readFileSync } from "node:fs";
import { realPath } from "./real-path.ts";

/**
 * The directory of a trial, for root only. It is not in /run/knockd, which may belong to the daemon's own user and which a
 * purge removes.
 */
export const TRIAL = "/run/knockd-init";
/** What the daemon reads during a trial. */
export const TRIAL_CONFIG = `${TRIAL}/knockd.conf`;
/** A file about the last trial (`Tried` in setup/trial.ts). It stays after the trial. */
export const TRIED = `${TRIAL}.tried`;

/** The real path of this config; for the trial's copy, the real path of the config that it may become. */
export function configIdentity(file: string): string {
  const path = realPath(file);
  return path === TRIAL_CONFIG ? (configOfTrial() ?? path) : path;
}

function configOfTrial(): string | undefined {
  try {
    return JSON.parse(readFileSync(TRIED, "utf8")).config;
  } catch {
    return undefined; // there is no trial, or this user may not read it
  }
}
