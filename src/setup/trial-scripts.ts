// The trial of a new door as shell scripts, which go on if knockctl dies: begin, confirm, roll back.
// Confirm or roll back ends the trial, whatever happens. Each script holds the lock, checks that the trial is still its own,
// and may be interrupted anywhere. Only confirm changes the disk. Before each change it leaves a mark in the trial's directory,
// so that rollback can undo the change. That directory is in /run, and the rules exist only in the kernel, so a reboot is a
// rollback, too.

import { dirname } from "node:path";
import { clientSection } from "../credentials/client-section.ts";
import { GATE_UNIT, MARK_SCRIPT, MARK_UNIT, MARK_UNIT_PATH, MARK_UNIT_TEXT, markScript } from "./boot-unit.ts";
import { forgetOldClients, writeClients, writeClientsState } from "./clients-script.ts";
import { daemonCommand } from "./daemon-command.ts";
import { firewallScript } from "./firewall-script.ts";
import { HARDENING, HARDENING_PATH } from "./hardening.ts";
import { emptyStates } from "./new-client.ts";
import type { Setup } from "./plan.ts";
import { freshOf, inTime, rollback } from "./rollback-script.ts";
import { DROP_IN, LAST, LOCK, quote, START, TIMER, TRIAL } from "./trial-paths.ts";

/** The files of the trial's directory by name. The file `id` is added while the trial is under way. */
export function trialFiles(setup: Setup, knockctl: readonly string[]): Record<string, string> {
  const { firewall, unit, port } = setup;
  const knockd = unit === undefined ? daemonCommand(knockctl) : [unit.daemon];
  const trialConfig = `${TRIAL}/knockd.conf`;
  return {
    "knockd.conf": setup.trialText,
    "confirmed.conf": setup.text,
    firewall: firewallScript(firewall, port, trialConfig, { knockd, knockctl }),
    "unit.conf": unit === undefined ? "" : dropIn(unit.daemon),
    ...(isHardened(setup) ? { "hardening.conf": HARDENING } : {}),
    ...(firewall.place === undefined
      ? {}
      : { "mark-rule": markScript(firewall.place), "mark.service": MARK_UNIT_TEXT }),
    ...(setup.persist ? { persist: "" } : {}),
    ...(setup.client === undefined ? {} : { clients: clientSection(setup.client) }),
    ...(setup.codes?.isTrialState ? { "clients.json": emptyStates() } : {}),
    begin: begin(setup, knockctl),
    confirm: confirm(setup, knockctl),
    rollback: rollback(setup),
    "in-time": inTime(setup),
  };
}

/**
 * The command that arms the rollback, even if this process dies: a systemd timer, or a process in a session of its own. It
 * contains only plain words: at a daemon-reload, systemd 252 reads the unit that it has generated, and would expand a $.
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

/** The command whose status says whether the rollback is armed. */
export function armedCommand({ unit }: Setup): string[] {
  return unit === undefined
    ? ["test", "-s", `${TRIAL}/armed`]
    : ["systemctl", "is-active", "--quiet", `${TIMER}.timer`];
}

/** Runs a script of the trial: in a session of its own, so that Ctrl-Z cannot stop it, and with a time limit. */
export function scriptCommand(name: "begin" | "confirm" | "rollback", ...args: readonly string[]): string[] {
  const limit = name === "rollback" ? [] : ["timeout", "-k", "5", "150"];
  return ["setsid", "-w", ...limit, "sh", `${TRIAL}/${name}`, ...args];
}

/** The trial of this script is over. */
export const NOT_MINE = 3;
/** Another script of the trial is at work. */
export const BUSY = 4;

/** The head of a script: takes the lock, and checks that the trial is still its own. */
function head({ id }: Setup): string {
  return `${START}exec 9>>${LOCK}
flock -w 10 9 || exit ${BUSY}
[ "$(cat "$dir/id" 2>/dev/null)" = ${id} ] || exit ${NOT_MINE}
`;
}

function dropIn(daemon: string): string {
  return `# Written by knockctl init. Removed when the setup is confirmed or rolled back.
[Service]
ExecStart=
ExecStart=${daemon} --wait $KNOCKD_OPTS -c ${TRIAL}/knockd.conf
ReadWritePaths=${TRIAL}
`;
}

/**
 * Restarts knockd and tests it. systemd would wait for an interface forever, so there is a time limit here. The slowest boards need
 * ten seconds to start Node.
 */
function restartAndHear(config: string, knockctl: readonly string[]): string {
  return `step 'restarting knockd'
systemctl daemon-reload
timeout 60 systemctl restart knockd || { echo 'knockd is not listening: see systemctl status knockd' >&2; exit 1; }
step 'testing whether knockd receives knocks'
self_test() { timeout 40 ${knockctl.map(quote).join(" ")} self-test -c ${quote(config)} "$@" 2>&1 || :; }
self_test --json | grep -q '"state":"hears"' || {
	why=$(self_test)
	printf 'knockd does not receive knocks: %s\\n' "\${why:-no answer within 40 seconds}" >&2
	exit 1
}
`;
}

/** Can the unit be hardened? The new door is the only one, runs no command and needs no file outside of /run/knockd. */
function isHardened({ unit, kept }: Setup): boolean {
  return unit !== undefined && kept.length === 0;
}

/** The daemon closes the port when it starts. Without systemd, this script closes it until somebody starts the daemon. */
function begin(setup: Setup, knockctl: readonly string[]): string {
  const daemon = `mkdir -p ${DROP_IN.replace(/\/[^/]*$/, "")}
install -m 644 "$dir/unit.conf" ${DROP_IN}
${restartAndHear(`${TRIAL}/knockd.conf`, knockctl)}`;
  return `${head(setup)}set -e
${setup.unit === undefined ? "" : daemon}step 'closing TCP port ${setup.port}'
sh "$dir/firewall" close
`;
}

function confirm(setup: Setup, knockctl: readonly string[]): string {
  const { config, backup, existed, unit } = setup;
  const [file, fresh] = [quote(config), quote(freshOf(setup))];
  // an interrupted copy must not pass for the file
  const half = quote(`${backup}.half`);
  const withBackup = `ln ${file} ${quote(backup)} || { cp -a ${file} ${half} && mv ${half} ${quote(backup)}; } || exit 1`;
  const withNone = `[ ! -e ${file} ] || { echo ${quote(`${config} did not exist before, and exists now`)} >&2; exit 1; }`;
  return `${head(setup)}set -e
is=confirming
step 'writing ${config.replaceAll("'", "")}'
sh "$dir/firewall" is-closed || { echo 'the port is not closed: the firewall has been changed' >&2; exit 1; }
${writeClients(setup)}
# the config: all of it or nothing, and on the disk before anything relies on it
cp "$dir/confirmed.conf" ${fresh}
chmod 640 ${fresh}
sync ${fresh}
${existed ? `: >"$dir/config-changed"\n${withBackup}` : `${withNone}\n: >"$dir/config-changed"`}
mv -f ${fresh} ${file}
sync ${quote(config.replace(/\/[^/]*$/, "/"))}
${unit === undefined ? "" : `${writeClientsState(setup)}rm -f ${DROP_IN}\n${harden(setup)}${restartAndHear(config, knockctl)}${persist(setup)}`}
# The outcome is on disk before the id goes. If this script dies before that, the trial is rolled back.
echo confirmed >${LAST}
# from here on there is no way back
rm -f "$dir/id"
set +e
${forgetOldClients(setup)}${unit === undefined ? "" : `systemctl stop ${TIMER}.timer\nrm -rf "$dir"\n`}logger -t knockd 'init: confirmed'
exit 0
`;
}

/** A drop-in that a user wrote stays. */
function harden(setup: Setup): string {
  if (!isHardened(setup)) return "";
  return `if [ ! -e ${HARDENING_PATH} ] && ! ls ${dirname(HARDENING_PATH)}/*.conf >/dev/null 2>&1; then
  : >"$dir/made-hardening"
  mkdir -p ${dirname(HARDENING_PATH)}
  install -m 644 "$dir/hardening.conf" ${HARDENING_PATH}
fi
`;
}

function persist({ firewall, port }: Setup): string {
  const enable = (unit: string, mark: string) =>
    `systemctl is-enabled --quiet ${unit} || { : >"$dir/${mark}"; systemctl enable --quiet ${unit}; }`;
  const gate = enable(GATE_UNIT, "enabled-gate");
  const mark = `[ -e ${MARK_SCRIPT} ] || { : >"$dir/made-script"; install -m 644 "$dir/mark-rule" ${MARK_SCRIPT}; }
  cmp -s "$dir/mark-rule" ${MARK_SCRIPT} || { echo '${MARK_SCRIPT} exists, and is not the script that adds the rule. Remove it' >&2; exit 1; }
  [ -e ${MARK_UNIT_PATH} ] || { : >"$dir/made-unit"; install -m 644 "$dir/mark.service" ${MARK_UNIT_PATH}; }
  sync ${MARK_SCRIPT} ${MARK_UNIT_PATH}
  systemctl daemon-reload
  ${enable(MARK_UNIT, "enabled-mark")}
  systemctl start ${MARK_UNIT}`;
  return `
if [ -e "$dir/persist" ]; then
  step 'closing TCP port ${port} at each boot'
  ${enable("knockd", "enabled-knockd")}
  ${firewall.kind === "gate" ? gate : mark}
fi
`;
}
