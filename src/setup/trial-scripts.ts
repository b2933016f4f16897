// The trial of a new door as shell scripts, which need no knockctl and no Node to be alive: begin, confirm, roll back.
// Whatever happens, one of the last two is the end of it. Each holds the lock, looks first whether the trial is still its
// own, and may be broken off anywhere: what is on the disk is changed by confirm alone, and each change is marked in the
// trial's directory before it is made, for rollback to undo it. That directory is in /run, as the kernel's rules are
// nowhere but in the kernel: a reboot is a rollback too.

import { families, firewallScript, PATH } from "./firewall.ts";
import { scriptPath, templatePath, unitName, unitText } from "./persistence.ts";
import type { Setup } from "./setup.ts";
import type { Tried } from "./trial.ts";

/** Root's alone. Not in /run/knockd, which may belong to the daemon's own user, and which a purge removes. */
export const TRIAL = "/run/knockd-init";
export const LOCK = `${TRIAL}.lock`;
/** How the last trial ended, a line. */
export const LAST = `${TRIAL}.last`;
export const DAEMON_LOG = `${TRIAL}/log`;
/** Of a daemon that is not systemd's, so that the rollback can end it. */
export const PID_FILE = `${TRIAL}/knockd.pid`;
/** The trial's own directives for the unit. They too are gone at a reboot. */
const DROP_IN = "/run/systemd/system/knockd.service.d/zz-knockctl-init.conf";
const TIMER = "knockd-init-rollback";

/** What lies in the directory, by name; and `id`, as long as the trial is under way. */
export function trialFiles(setup: Setup, knockctl: readonly string[]): Record<string, string> {
  const { kind } = setup.firewall;
  const tried: Tried = { door: setup.door, config: setup.config, bySystemd: setup.unit !== undefined };
  return {
    "knockd.conf": setup.trialText,
    "confirmed.conf": setup.text,
    firewall: firewallScript(setup.firewall),
    "unit.conf": setup.unit === undefined ? "" : dropIn(setup.unit.daemon),
    "persist.service": setup.unit === undefined ? "" : unitText(kind, knockctl.at(-1)!, setup.config),
    "tried.json": `${JSON.stringify(tried)}\n`,
    ...(setup.persist ? { persist: "" } : {}),
    begin: begin(setup, knockctl),
    confirm: confirm(setup, knockctl),
    rollback: rollback(setup),
    "in-time": inTime(setup),
  };
}

/**
 * Has the rollback come in its time, whatever becomes of us: by systemd, or by a process of its own session. Plain words
 * alone: at a daemon-reload systemd 252 reads the unit that it has made again, and takes a $ for something else.
 */
export function armCommand({ id, minutes, unit }: Setup): string[] {
  const seconds = `${Math.ceil(minutes * 60)}`;
  const inTime = `sh ${TRIAL}/in-time ${id}`;
  if (unit === undefined) {
    const waits = `exec </dev/null >/dev/null 2>&1; echo armed >${TRIAL}/armed && sleep ${seconds}; exec ${inTime}`;
    return ["setsid", "-f", "sh", "-c", waits];
  }
  const timing = [`--on-active=${seconds}s`, "--timer-property=AccuracySec=1s"];
  return ["systemd-run", "--quiet", "--collect", `--unit=${TIMER}`, ...timing, ...`/bin/${inTime}`.split(" ")];
}

/** Says by its status whether that is so. */
export function armedCommand({ unit }: Setup): string[] {
  return unit === undefined
    ? ["test", "-s", `${TRIAL}/armed`]
    : ["systemctl", "is-active", "--quiet", `${TIMER}.timer`];
}

/** Runs a script of the trial: in a session of its own, so that no Ctrl-Z stops it half way, and not for ever. */
export function scriptCommand(name: "begin" | "confirm" | "rollback", ...args: readonly string[]): string[] {
  const limit = name === "rollback" ? [] : ["timeout", "-k", "5", "110"];
  return ["setsid", "-w", ...limit, "sh", `${TRIAL}/${name}`, ...args];
}

/** One at a time, and in a trial that is still this one. */
function head({ id }: Setup): string {
  return `${START}exec 9>>${LOCK}
flock -w 10 9 || { echo 'it is being confirmed or rolled back at this moment' >&2; exit 4; }
[ "$(cat "$dir/id" 2>/dev/null)" = ${id} ] || exit 3
`;
}

const START = `#!/bin/sh
PATH=${PATH}
dir=${TRIAL}
`;

function dropIn(daemon: string): string {
  return `# Written by knockctl init, for the time until it is confirmed.
[Service]
ExecStart=
ExecStart=${daemon} --wait $KNOCKD_OPTS -c ${TRIAL}/knockd.conf
ReadWritePaths=${TRIAL}
`;
}

/** Systemd waits for an interface as long as it takes; we do not. */
function restartAndHear(config: string, knockctl: readonly string[]): string {
  return `systemctl daemon-reload
timeout 40 systemctl restart knockd || { echo 'knockd does not listen: see systemctl status knockd' >&2; exit 1; }
hears=$(timeout 20 ${knockctl.map(quote).join(" ")} self-test -c ${quote(config)} 2>&1) || :
printf '%s\\n' "$hears" | grep -q ': hears: ' || { printf 'knockd does not hear: %s\\n' "$hears" >&2; exit 1; }
`;
}

/** The port is closed last, when somebody hears the knocks. */
function begin(setup: Setup, knockctl: readonly string[]): string {
  const daemon = `mkdir -p ${DROP_IN.replace(/\/[^/]*$/, "")}
install -m 644 "$dir/unit.conf" ${DROP_IN}
${restartAndHear(`${TRIAL}/knockd.conf`, knockctl)}`;
  return `${head(setup)}set -e
${setup.unit === undefined ? "" : daemon}sh "$dir/firewall" close ${setup.port}
`;
}

function confirm(setup: Setup, knockctl: readonly string[]): string {
  const { config, backup, existed, unit, port } = setup;
  const [file, fresh] = [quote(config), quote(freshOf(setup))];
  // a copy that is broken off must not be taken for the file
  const half = quote(`${backup}.half`);
  const withBackup = `ln ${file} ${quote(backup)} || { cp -a ${file} ${half} && mv ${half} ${quote(backup)}; }`;
  const withNone = `[ ! -e ${file} ] || { echo ${quote(`${config} is there now, and was not`)} >&2; exit 1; }`;
  return `${head(setup)}set -e
sh "$dir/firewall" is-closed ${port} || { echo 'the port is not closed: somebody has changed the firewall' >&2; exit 1; }

# the config: all of it or nothing, and on the disk before anything relies on it
cp "$dir/confirmed.conf" ${fresh}
chmod 640 ${fresh}
sync ${fresh}
${existed ? `: >"$dir/config-changed"\n${withBackup}` : `${withNone}\n: >"$dir/config-changed"`}
mv -f ${fresh} ${file}
sync ${quote(config.replace(/\/[^/]*$/, "/"))}
${unit === undefined ? "" : `rm -f ${DROP_IN}\n${restartAndHear(config, knockctl)}${persist(setup)}`}
# from here on there is no way back
rm -f "$dir/id"
set +e
${unit === undefined ? "" : `systemctl stop ${TIMER}.timer\nrm -rf "$dir"\n`}echo confirmed >${LAST}
logger -t knockd 'init: confirmed'
exit 0
`;
}

/** A name that nobody else's file has: a rollback removes it. */
function freshOf({ config, id }: Setup): string {
  return `${config}.${id}`;
}

function persist({ firewall: { kind }, port }: Setup): string {
  const [script, template, unit] = [scriptPath(kind), templatePath(kind), unitName(kind, port)];
  return `
if [ -e "$dir/persist" ]; then
  [ -e ${script} ] || { : >"$dir/made-script"; install -m 644 "$dir/firewall" ${script}; }
  cmp -s "$dir/firewall" ${script} || { echo '${script} is not what would close the port: remove it' >&2; exit 1; }
  [ -e ${template} ] || { : >"$dir/made-template"; install -m 644 "$dir/persist.service" ${template}; }
  sync ${script} ${template}
  systemctl daemon-reload
  systemctl is-enabled --quiet knockd || { : >"$dir/enabled-knockd"; systemctl enable --quiet knockd; }
  systemctl is-enabled --quiet ${unit} || { : >"$dir/enabled-unit"; systemctl enable --quiet ${unit}; }
  systemctl start ${unit}
fi
`;
}

/** The way in comes first: nothing that fails later closes it again. */
function rollback(setup: Setup): string {
  const { id, config, backup, existed, unit, firewall, wasClosed } = setup;
  const [file, old] = [quote(config), quote(backup)];
  return `${START}why=\${1:-asked to}
# the others take less than two minutes: who holds it longer holds nothing up
if [ -e ${LOCK} ]; then exec 9>>${LOCK}; flock -w 120 9; fi
[ "$(cat "$dir/id" 2>/dev/null)" = ${id} ] || exit 0
${wasClosed ? "" : openFirewall(setup)}
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
function inTime({ id, minutes }: Setup): string {
  const why = `nobody confirmed within ${minutes} ${minutes === 1 ? "minute" : "minutes"}`;
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

function unpersist({ firewall: { kind }, port }: Setup): string {
  return `[ ! -e "$dir/enabled-unit" ] || systemctl disable --quiet ${unitName(kind, port)}
# not by systemctl, which would disable it for sysvinit too
[ ! -e "$dir/enabled-knockd" ] || rm -f /etc/systemd/system/multi-user.target.wants/knockd.service
[ ! -e "$dir/made-template" ] || rm -f ${templatePath(kind)}
[ ! -e "$dir/made-script" ] || rm -f ${scriptPath(kind)}
`;
}

function restoreUnit(wasActive: boolean): string {
  return `rm -f ${DROP_IN}
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

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
