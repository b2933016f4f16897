// Finds the daemons of a config by their sockets.

import { existsSync } from "node:fs";
import { socketsOf } from "../control/socket-path.ts";
import { ClientError, notAllowed } from "../control/talk.ts";
import { realPath } from "../platform/real-path.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { isUnderWay, tried } from "../setup/trial.ts";
import { TRIAL_CONFIG } from "../setup/trial-paths.ts";

/**
 * Throws ClientError. `changes`: the request changes something or shows a secret, so only root may ask
 * (control/server.ts).
 */
export function findDaemons(config: string | undefined, changes: boolean): string[] {
  const whose = changes || process.geteuid!() === 0 ? "root's" : "the group's";
  try {
    return socketsOf(config, whose);
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code !== "ENOENT";
    if (isThere) throw new ClientError(notAllowed(systemErrorText(error)));
    throw new ClientError(
      whose === "root's" ? noDaemon(config ?? "any config") : notAllowed("there is no group knockd"),
    );
  }
}

/**
 * The config that the daemon uses. While knockctl init tries a new config, that is the trial's copy, and users are
 * likely to ask why a knock did not count. At the end of the trial, a daemon that uses the config itself comes first.
 */
export function configInUse(config: string): string {
  const file = realPath(config);
  return isUnderWay() && realPath(tried()?.config ?? "") === file && !mayRunWith(file) ? TRIAL_CONFIG : file;
}

function mayRunWith(config: string): boolean {
  try {
    return socketsOf(config, "root's").length > 0; // only root sees a trial
  } catch {
    return false;
  }
}

export function noDaemon(config: string): string {
  const status = existsSync("/run/systemd/system") ? "systemctl status knockd" : "service knockd status";
  return `no knockd runs with ${config}\nRun "${status}" to see why, or name another config with -c.`;
}
