// The texts of knockctl init: the plan, how to knock, and the state of the port at the end.

import { realpathSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { clientSection } from "../../credentials/client-section.ts";
import { instructions } from "../../credentials/instructions.ts";
import { unitOf } from "../../setup/boot-unit.ts";
import { clientLines } from "../../setup/client-commands.ts";
import { daemonCommand } from "../../setup/daemon-command.ts";
import { MARK } from "../../setup/firewall.ts";
import { markRule } from "../../setup/mark-rule.ts";
import type { Setup } from "../../setup/plan.ts";
import type { PortNow, Tried } from "../../setup/trial.ts";
import { PID_FILE, TRIAL } from "../../setup/trial-paths.ts";
import { trialFiles } from "../../setup/trial-scripts.ts";
import { plural } from "../../terminal/plural.ts";

const USUAL_CONFIG = "/etc/knockd.conf";

export function summary(setup: Setup): string {
  const { config, backup, existed, kept, firewall, unit, codes, client } = setup;
  const doors = kept.length === 0 ? "" : `, beside ${kept.join(", ")}`;
  return [
    `door       ${doorText(setup)}`,
    `config     ${config}${doors}${existed ? `\n           the old file stays as ${backup}` : ""}`,
    ...(codes === undefined ? [] : [`client     ${client!.name}, with a secret in ${codes.clients}`]),
    ...firewallText(setup),
    ...(firewall.kind === "gate" ? [`LAN        ${lanText(setup)}`] : []),
    `knockd     ${unit === undefined ? "you start it: systemd does not run it here" : "systemctl restarts it"}`,
    `reboot     ${rebootText(setup)}`,
    `rollback   after ${timeOf(setup)}, unless you confirm`,
  ].join("\n");
}

function doorText({ door, port, seconds, sequence, codes }: Setup): string {
  const opened = `TCP port ${port} to the client for ${plural(seconds, "second")}`;
  const [what, open] =
    codes === undefined
      ? [`${sequence.length} random knocks`, "open"]
      : ["a code of your phone's authenticator", "opens"];
  return `${door}: ${what}\n           ${open} ${opened}`;
}

/** Tells the user beforehand whether it fails open or closed. */
function firewallText({ firewall: { kind, why, todo, place }, port, wasClosed }: Setup): string[] {
  const lines =
    kind === "gate"
      ? [
          `gate: knockd's own table refuses new connections to port ${port}${wasClosed ? " (as today)" : ""}`,
          `because ${why}`,
          "it fails open: without that table the port is open to everyone",
        ]
      : [
          `mark: ${why}`,
          ...markRule(place!, MARK).split("\n"),
          "it fails closed: without knockd's table no client gets in",
        ];
  const steps = todo === undefined ? [] : [`YOUR STEP, once the trial has begun: ${todo}`];
  const rest = ["no other rule is touched; open sessions stay open"];
  return [...lines, ...rest, ...steps].map((line, i) => `${i === 0 ? "firewall" : ""}`.padEnd(11) + line);
}

function rebootText({ persist, firewall: { kind } }: Setup): string {
  if (persist) return kind === "gate" ? `${unitOf(kind)} closes the port again` : `${unitOf(kind)} adds the rule again`;
  return kind === "gate"
    ? "opens the port again (--persist: closes it)"
    : "the port stays closed, and no knock opens it (--persist: a knock opens it)";
}

function lanText({ firewall: { lan }, wasClosed }: Setup): string {
  const who = lan.length === 0 ? "must knock, too" : `${lan.join(", ")} needs no knock`;
  return `${who}${wasClosed ? ", as today" : lan.length === 0 ? " (--lan: needs no knock)" : " (--no-lan: must knock)"}`;
}

/** Files of the trial that are not shown: a copy, and files with secrets. */
const HIDDEN = ["confirmed.conf", "clients", "clients.json"];

/**
 * Every file and rule that init would write. The plan is repeated at the end, where a terminal stops. No client's
 * secret.
 */
export function dryRunText(setup: Setup): string {
  const scripts = Object.entries(trialFiles(setup, knockctl())).filter(([name]) => !HIDDEN.includes(name));
  const { client, codes } = setup;
  const section = client && clientSection(client).replace(/(secret *= ).*/, "$1(drawn when you do it)");
  return [
    summary(setup),
    `== The new ${setup.config}\n${setup.text}`,
    ...(section === undefined ? [] : [`== Added to ${codes!.clients}\n${section}`]),
    "== The scripts that try it, confirm it and roll it back",
    ...scripts.map(([name, text]) => `== ${TRIAL}/${name}\n${text}`),
    `== In short (nothing has changed)\n${summary(setup)}`,
  ].join("\n\n");
}

export function howToKnock({ sequence, client, unit, firewall }: Setup): string {
  const daemon = daemonCommand(knockctl()).join(" ");
  const start = unit !== undefined ? "" : `\nStart knockd: ${daemon} -d -c ${TRIAL}/knockd.conf -p ${PID_FILE}\n`;
  const step = firewall.todo === undefined ? "" : `\nFirst: ${firewall.todo}\n`;
  if (client !== undefined) {
    const card = instructions(ownAddress(), client, { isTerminal: process.stdout.isTTY === true });
    return `${start}${step}\nKnock from another device, with a code:\n\n${card}`;
  }
  const lines = clientLines(ownAddress(), sequence).map((line) => `    ${line}`);
  return `${start}${step}\nKnock from another machine, with one of these:\n\n${lines.join("\n")}\n`;
}

/** The state of the port after the trial. */
export function portText(
  { port, wasClosed, kind }: Pick<Tried, "port" | "wasClosed" | "kind">,
  { isClosed, isPersistent }: PortNow,
  isConfirmed: boolean,
): string {
  const it = `TCP port ${port}`;
  const toOpen =
    kind === "mark"
      ? "Your own firewall closes it: open it there."
      : `To open it: ${isPersistent ? `systemctl disable ${unitOf(kind)} && ` : ""}knockctl gate open`;
  if (isClosed === undefined)
    return `Could not find out whether ${it} is closed. See iptables -S, ip6tables -S and nft list ruleset.`;
  if (isConfirmed) {
    if (!isClosed) return `But ${it} is open: the firewall no longer closes it.`;
    const until = isPersistent || kind === "mark" ? ", also after a reboot" : ", until the next reboot";
    return `${it} is closed to clients that have not knocked${until}.\n${toOpen}`;
  }
  if (wasClosed) return isClosed ? `${it} is closed, as it was before.` : `But ${it} is open. It was closed before.`;
  return isClosed ? `But ${it} is still closed. ${toOpen}` : `${it} is open, as it was before.`;
}

/** The next steps for a door that is opened by codes. `hasClock`: this machine has a hardware clock. */
export function moreClients({ door, config }: Pick<Tried, "door" | "config">, hasClock: boolean): string {
  const add = (name: string) =>
    `  sudo knockctl client add ${name} --door ${door}${config === USUAL_CONFIG ? "" : ` -c ${config}`}`;
  const spare = hasClock
    ? ""
    : `\nThis machine has no hardware clock: its time may be wrong after a reboot, and then no code counts.\nKeep codes on paper, which need no clock:\n${add("spare")} --list`;
  return `\nTo add another client:\n${add("NAME")}${spare}`;
}

/** The command line of this program, for scripts. */
export function knockctl(): string[] {
  return [process.execPath, realpathSync(process.argv[1]!)];
}

export function timeOf({ minutes }: Setup): string {
  return `${minutes} ${minutes === 1 ? "minute" : "minutes"}`;
}

/** Such as `4:05`. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export function say(text: string): void {
  process.stdout.write(`${text.replace(/\n*$/, "")}\n`);
}

/** The address that this SSH session is connected to, or the first one that others can reach. */
function ownAddress(): string {
  const [, , reached] = process.env.SSH_CONNECTION?.split(" ") ?? [];
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return reached ?? own.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "HOST";
}
