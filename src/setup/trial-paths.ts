// The files of a trial, and the first lines of its scripts.

import { TRIAL, TRIAL_CONFIG, TRIED } from "../platform/config-identity.ts";
import { PATH } from "./firewall.ts";

export { TRIAL, TRIAL_CONFIG, TRIED };

/** The new client, and the codes that it has used if no record of used codes exists yet. */
export const TRIAL_CLIENTS = `${TRIAL}/clients`;
export const TRIAL_STATE = `${TRIAL}/clients.json`;
export const LOCK = `${TRIAL}.lock`;
/** How the last trial ended, in one line. */
export const LAST = `${TRIAL}.last`;
/** `PID WHAT`: the running script, and what it does. A script that was killed leaves the file behind. */
export const DOING = `${TRIAL}/doing`;
export const DAEMON_LOG = `${TRIAL}/log`;
/** The pid file of a daemon that systemd does not run, so that the rollback can end it. */
export const PID_FILE = `${TRIAL}/knockd.pid`;
/** The trial's drop-in for the unit. A reboot removes it. */
export const DROP_IN = "/run/systemd/system/knockd.service.d/zz-knockctl-init.conf";
export const TIMER = "knockd-init-rollback";

export const START = `#!/bin/sh
PATH=${PATH}
dir=${TRIAL}
is='setting up'
step() { echo "$$ $is ($1)" >"$dir/doing" || :; }
`;

export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
