// The trial of a new door as shell scripts, which need no knockctl and no Node to be alive: begin, confirm, roll back.
// Whatever happens, one of the last two is the end of it. Each holds the lock, looks first whether the trial is still its
// own, and may be broken off anywhere: what is on the disk is changed by confirm alone, and each change is marked in the
// trial's directory before it is made, for rollback to undo it. That directory is in /run, as the kernel's rules are
// nowhere but in the kernel: a reboot is a rollback too.

import { scriptPath, templatePath, unitName, unitText } from "./boot-unit.ts";
import { firewallScript } from "./firewall.ts";
import type { Setup } from "./plan.ts";
import { freshOf, inTime, rollback } from "./rollback-script.ts";
import { DROP_IN, LAST, LOCK, quote, START, TIMER, TRIAL } from "./trial-paths.ts";

/** What lies in the directory, by name; and `id`, as long as the trial is under way. */
export function trialFiles(setup: Setup, knockctl: readonly string[]): Record<string, string> {
  const { kind } = setup.firewall;
  return {
    "knockd.conf": setup.trialText,
    "confirmed.conf": setup.text,
    firewall: firewallScript(setup.firewall),
    "unit.conf": setup.unit === undefined ? "" : dropIn(setup.unit.daemon),
    "persist.service": setup.unit === undefined ? "" : unitText(kind, knockctl.at(-1)!, setup.config),
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

/** The trial of this script is over. */
export const NOT_MINE = 3;
/** Another script of the trial is at work. */
export const BUSY = 4;

/** One at a time, and in a trial that is still this one. */
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

/** Systemd waits for an interface as long as it takes; we do not. */
function restartAndHear(config: string, knockctl: readonly string[]): string {
  return `step 'restarting knockd'
systemctl daemon-reload
timeout 40 systemctl restart knockd || { echo 'knockd is not listening: see systemctl status knockd' >&2; exit 1; }
step 'testing whether knockd hears knocks'
self_test() { timeout 20 ${knockctl.map(quote).join(" ")} self-test -c ${quote(config)} "$@" 2>&1 || :; }
self_test --json | grep -q '"state":"hears"' || { printf 'knockd does not hear: %s\\n' "$(self_test)" >&2; exit 1; }
`;
}

/** The port is closed last, when somebody hears the knocks. */
function begin(setup: Setup, knockctl: readonly string[]): string {
  const daemon = `mkdir -p ${DROP_IN.replace(/\/[^/]*$/, "")}
install -m 644 "$dir/unit.conf" ${DROP_IN}
${restartAndHear(`${TRIAL}/knockd.conf`, knockctl)}`;
  return `${head(setup)}set -e
${setup.unit === undefined ? "" : daemon}step 'closing TCP port ${setup.port}'
sh "$dir/firewall" close ${setup.port}
`;
}

function confirm(setup: Setup, knockctl: readonly string[]): string {
  const { config, backup, existed, unit, port } = setup;
  const [file, fresh] = [quote(config), quote(freshOf(setup))];
  // a copy that is broken off must not be taken for the file
  const half = quote(`${backup}.half`);
  const withBackup = `ln ${file} ${quote(backup)} || { cp -a ${file} ${half} && mv ${half} ${quote(backup)}; }`;
  const withNone = `[ ! -e ${file} ] || { echo ${quote(`${config} did not exist before, and exists now`)} >&2; exit 1; }`;
  return `${head(setup)}set -e
is=confirming
step 'writing ${config.replaceAll("'", "")}'
sh "$dir/firewall" is-closed ${port} || { echo 'the port is not closed: the firewall has been changed' >&2; exit 1; }

# the config: all of it or nothing, and on the disk before anything relies on it
cp "$dir/confirmed.conf" ${fresh}
chmod 640 ${fresh}
sync ${fresh}
${existed ? `: >"$dir/config-changed"\n${withBackup}` : `${withNone}\n: >"$dir/config-changed"`}
mv -f ${fresh} ${file}
sync ${quote(config.replace(/\/[^/]*$/, "/"))}
${unit === undefined ? "" : `rm -f ${DROP_IN}\n${restartAndHear(config, knockctl)}${persist(setup)}`}
# The outcome is on disk before the id goes. If this script dies before that, the trial is rolled back.
echo confirmed >${LAST}
# from here on there is no way back
rm -f "$dir/id"
set +e
${unit === undefined ? "" : `systemctl stop ${TIMER}.timer\nrm -rf "$dir"\n`}logger -t knockd 'init: confirmed'
exit 0
`;
}

function persist({ firewall: { kind }, port }: Setup): string {
  const [script, template, unit] = [scriptPath(kind), templatePath(kind), unitName(kind, port)];
  return `
if [ -e "$dir/persist" ]; then
  step 'closing TCP port ${port} at each boot'
  [ -e ${script} ] || { : >"$dir/made-script"; install -m 644 "$dir/firewall" ${script}; }
  cmp -s "$dir/firewall" ${script} || { echo '${script} exists, and is not the script that closes the port. Remove it' >&2; exit 1; }
  [ -e ${template} ] || { : >"$dir/made-template"; install -m 644 "$dir/persist.service" ${template}; }
  sync ${script} ${template}
  systemctl daemon-reload
  systemctl is-enabled --quiet knockd || { : >"$dir/enabled-knockd"; systemctl enable --quiet knockd; }
  systemctl is-enabled --quiet ${unit} || { : >"$dir/enabled-unit"; systemctl enable --quiet ${unit}; }
  systemctl start ${unit}
fi
`;
}
