// The script that undoes a trial. It can be interrupted and run again. If nft is installed, it needs no knockctl.

import { GATE_UNIT, MARK_SCRIPT, MARK_UNIT, MARK_UNIT_PATH, WANTS } from "./boot-unit.ts";
import { restoreClients } from "./clients-script.ts";
import { HARDENING_PATH } from "./hardening.ts";
import type { Setup } from "./plan.ts";
import { DROP_IN, LAST, LOCK, PID_FILE, quote, START, TIMER, TRIAL } from "./trial-paths.ts";

/** The new config's temporary name. No other program uses it, because a rollback removes the file. */
export function freshOf({ config, id }: Setup): string {
  return `${config}.${id}`;
}

/** Opens the port first, so that nothing that fails later leaves it closed. Stops knockd before, which may own the table. */
export function rollback(setup: Setup): string {
  const { id, config, backup, existed, unit } = setup;
  const [file, old] = [quote(config), quote(backup)];
  return `${START}why=\${1:-asked to}
# other scripts take less than two minutes; do not wait longer for the lock
if [ -e ${LOCK} ]; then exec 9>>${LOCK}; flock -w 120 9; fi
[ "$(cat "$dir/id" 2>/dev/null)" = ${id} ] || exit 0
is='rolling back'
step 'stopping knockd'
${unit === undefined ? endDaemon : stopUnit}
${openFirewall(setup)}
step 'restoring the config'
# what a confirmation that was broken off has changed
rm -f ${quote(freshOf(setup))}
if [ -e "$dir/config-changed" ]; then
  ${existed ? `rm -f ${quote(`${backup}.half`)}\n  [ ! -e ${old} ] || mv -f ${old} ${file}` : `rm -f ${file}`}
fi
${restoreClients(setup)}${unit === undefined ? "" : `${unpersist}${restoreUnit(unit.wasActive)}`}
${setup.hadTable ? restoreTable(setup) : ""}
echo "rolled back: $why" >${LAST}
logger -t knockd "init: rolled back: $why"
rm -f "$dir/id"
rm -rf "$dir"
${unit === undefined ? "" : `systemctl stop ${TIMER}.timer 2>/dev/null\n`}exit 0
`;
}

/** The script that the timer runs. It does nothing if a later trial is under way. */
export function inTime({ id, minutes }: Setup): string {
  const why = `not confirmed within ${minutes} ${minutes === 1 ? "minute" : "minutes"}`;
  return `[ "$1" = ${id} ] && exec sh ${TRIAL}/rollback ${quote(why)}\n`;
}

/** Opens the port. Keeps a table that existed before and closes other ports, too: at the end, the old config restores it. */
function openFirewall({ port, hadTable, firewall }: Setup): string {
  const what = firewall.kind === "mark" ? "removing the rule of the firewall" : `opening TCP port ${port}`;
  return hadTable
    ? ""
    : `
step '${what}'
tries=0
until sh "$dir/firewall" open; do
  tries=$((tries + 1))
  [ $tries -lt 10 ] || break
  sleep 1
done
`;
}

function restoreTable({ unit, config }: Setup): string {
  const isBack = unit?.wasActive ? "systemctl is-active --quiet knockd || " : "";
  return `${isBack}sh "$dir/firewall" restore ${quote(config)} || sh "$dir/firewall" open`;
}

const unpersist = `[ ! -e "$dir/enabled-mark" ] || systemctl disable --quiet --now ${MARK_UNIT}
[ ! -e "$dir/enabled-gate" ] || systemctl disable --quiet ${GATE_UNIT}
# not by systemctl, which would disable it for sysvinit too
[ ! -e "$dir/enabled-knockd" ] || rm -f ${WANTS}/knockd.service
[ ! -e "$dir/made-unit" ] || rm -f ${MARK_UNIT_PATH}
[ ! -e "$dir/made-script" ] || rm -f ${MARK_SCRIPT}
systemctl daemon-reload
`;

const stopUnit = `rm -f ${DROP_IN}
[ ! -e "$dir/made-hardening" ] || rm -f ${HARDENING_PATH}
systemctl daemon-reload
timeout 40 systemctl stop knockd || systemctl kill --signal=KILL knockd`;

function restoreUnit(wasActive: boolean): string {
  return wasActive ? `step 'restarting knockd'\ntimeout 40 systemctl start knockd` : "";
}

/** Ends the daemon that the user has started for the trial, as init had asked. */
const endDaemon = `pid=$(cat ${PID_FILE} 2>/dev/null)
if [ -n "$pid" ] && [ "$(cat /proc/"$pid"/comm)" = knockd ]; then
  kill "$pid"
  tries=0
  while [ -e /proc/"$pid" ] && [ $tries -lt 60 ]; do tries=$((tries + 1)); sleep 0.1; done
  if [ -e /proc/"$pid" ]; then kill -9 "$pid"; sleep 1; fi
fi`;
