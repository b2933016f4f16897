// The script that undoes a trial. It needs no knockctl and no Node, and may be broken off and begun again.

import { scriptPath, templatePath, unitName } from "./boot-unit.ts";
import { families } from "./firewall.ts";
import type { Setup } from "./plan.ts";
import { DROP_IN, LAST, LOCK, PID_FILE, quote, START, TIMER, TRIAL } from "./trial-paths.ts";

/** A name that nobody else's file has: a rollback removes it. */
export function freshOf({ config, id }: Setup): string {
  return `${config}.${id}`;
}

/** The way in comes first: nothing that fails later closes it again. */
export function rollback(setup: Setup): string {
  const { id, config, backup, existed, unit, firewall, wasClosed } = setup;
  const [file, old] = [quote(config), quote(backup)];
  return `${START}why=\${1:-asked to}
# other scripts take less than two minutes; do not wait longer for the lock
if [ -e ${LOCK} ]; then exec 9>>${LOCK}; flock -w 120 9; fi
[ "$(cat "$dir/id" 2>/dev/null)" = ${id} ] || exit 0
is='rolling back'
${wasClosed ? "" : openFirewall(setup)}
step 'restoring the config'
# what a confirmation that was broken off has changed
rm -f ${quote(freshOf(setup))}
if [ -e "$dir/config-changed" ]; then
  ${existed ? `rm -f ${quote(`${backup}.half`)}\n  [ ! -e ${old} ] || mv -f ${old} ${file}` : `rm -f ${file}`}
fi
${unit === undefined ? endDaemon : `${unpersist(setup)}${restoreUnit(unit.wasActive)}`}
${wasClosed || firewall.kind === "nft" ? "" : removeChain(setup)}
echo "rolled back: $why" >${LAST}
logger -t knockd "init: rolled back: $why"
rm -f "$dir/id"
rm -rf "$dir"
${unit === undefined ? "" : `systemctl stop ${TIMER}.timer 2>/dev/null\n`}exit 0
`;
}

/** A later trial is not an earlier one's to undo. */
export function inTime({ id, minutes }: Setup): string {
  const why = `not confirmed within ${minutes} ${minutes === 1 ? "minute" : "minutes"}`;
  return `[ "$1" = ${id} ] && exec sh ${TRIAL}/rollback ${quote(why)}\n`;
}

/** What can't be taken out goes with all that has come since: the tables as they were. */
function openFirewall({ firewall, port }: Setup): string {
  const restore =
    firewall.kind === "nft"
      ? `{ echo flush ruleset; cat "$dir/saved.nft"; } | nft -f - || nft delete table inet knockd`
      : families(firewall)
          .map((tables) => `${tables}-restore -w 5 <"$dir/saved.${tables}"`)
          .join("\n    ");
  return `
step 'opening TCP port ${port}'
tries=0
until sh "$dir/firewall" open ${port}; do
  tries=$((tries + 1))
  if [ $tries -ge 10 ]; then
    ${restore}
    break
  fi
  sleep 1
done
`;
}

/** Unless it was there before. The daemon has taken its own rules out by then. */
function removeChain({ firewall }: Setup): string {
  return `for tables in ${families(firewall).join(" ")}; do
  grep -q '^:KNOCKD ' "$dir/saved.$tables" || { $tables -w 5 -F KNOCKD && $tables -w 5 -X KNOCKD; } 2>/dev/null
done`;
}

/** A unit that stays active would not close the port when it is started again. To stop it is to open the port. */
function unpersist({ firewall: { kind }, port, wasClosed }: Setup): string {
  return `[ ! -e "$dir/enabled-unit" ] || systemctl disable --quiet ${wasClosed ? "" : "--now "}${unitName(kind, port)}
# not by systemctl, which would disable it for sysvinit too
[ ! -e "$dir/enabled-knockd" ] || rm -f /etc/systemd/system/multi-user.target.wants/knockd.service
[ ! -e "$dir/made-template" ] || rm -f ${templatePath(kind)}
[ ! -e "$dir/made-script" ] || rm -f ${scriptPath(kind)}
`;
}

function restoreUnit(wasActive: boolean): string {
  return `step 'restarting knockd'
rm -f ${DROP_IN}
systemctl daemon-reload
timeout 40 systemctl ${wasActive ? "restart" : "stop"} knockd`;
}

/** The one that was started for the trial as init had said. */
const endDaemon = `pid=$(cat ${PID_FILE} 2>/dev/null)
if [ -n "$pid" ] && [ "$(cat /proc/"$pid"/comm)" = knockd ]; then
  kill "$pid"
  tries=0
  while [ -e /proc/"$pid" ] && [ $tries -lt 60 ]; do tries=$((tries + 1)); sleep 0.1; done
fi`;
