// Where a trial keeps its files, and what every script of it begins with.

import { TRIAL, TRIAL_CONFIG, TRIED } from "../platform/config-identity.ts";
import { PATH } from "./firewall.ts";

export { TRIAL, TRIAL_CONFIG, TRIED };

/** The new client, and the codes that it has used, where no file of such codes is there yet. */
export const TRIAL_CLIENTS = `${TRIAL}/clients`;
export const TRIAL_STATE = `${TRIAL}/clients.json`;
export const LOCK = `${TRIAL}.lock`;
/** How the last trial ended, in one line. */
export const LAST = `${TRIAL}.last`;
/** `PID WHAT`: the script that is at work, and what it does. A script that was killed leaves it there. */
export const DOING = `${TRIAL}/doing`;
export const DAEMON_LOG = `${TRIAL}/log`;
/** Of a daemon that systemd does not run, so that the rollback can end it. */
export const PID_FILE = `${TRIAL}/knockd.pid`;
/** The trial's own directives for the unit. A reboot removes them. */
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
