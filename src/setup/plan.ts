// The plan of a setup: a plain value, computed from the user's choices and the host's state before anything is changed.

import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, lstatSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Client } from "../codes/client.ts";
import type { Config } from "../config/door.ts";
import { CLIENTS_STATE } from "../config/settings.ts";
import { configInComment } from "../firewall/table-comment.ts";
import { formatNetwork } from "../net/network.ts";
import { configIdentity } from "../platform/config-identity.ts";
import { realPath } from "../platform/real-path.ts";
import { freePorts, randomSequence } from "../sequences/random.ts";
import type { Sequence } from "../sequences/sequence.ts";
import { defaultInterfaces } from "./default-routes.ts";
import { configText, type Existing, existingConfig, isOwn, trialText, withoutDoor } from "./door-config.ts";
import { chooseFirewall, type FirewallKind, type FirewallPlan, modeOf, PATH } from "./firewall.ts";
import { type GateNow, isGuarded } from "./gate-now.ts";
import { hasIpv6, lanHere } from "./lan.ts";
import { DAEMON_LOG, TRIAL_CLIENTS, TRIAL_STATE } from "./trial-paths.ts";

/** The user's choices. */
export interface Wishes {
  readonly config: string;
  readonly door: string;
  readonly port: number;
  readonly knocks: number;
  readonly mixed: boolean;
  /** Codes instead of a sequence. Undefined: not chosen yet. */
  readonly codes: boolean | undefined;
  readonly seconds: number;
  readonly minutes: number;
  readonly interface: string | undefined;
  readonly firewall: FirewallKind | undefined;
  /** Which doors are removed from the config: all, or those with the new door's name. */
  readonly replace: "all" | "door" | undefined;
  readonly persist: boolean;
  /** Networks that need no knock. Undefined: those that a rule lets in. True: also this host's private networks. */
  readonly lan: readonly string[] | boolean | undefined;
}

/** knockd.service, if systemd runs. */
export interface Unit {
  /** The path of the program. */
  readonly daemon: string;
  readonly wasActive: boolean;
}

/** The files of a door whose clients knock with codes. */
export interface CodeFiles {
  /** The clients file, by its real path. */
  readonly clients: string;
  /** The file that records used codes. */
  readonly state: string;
  /** Does that file not exist yet? Then the trial has its own, so that nothing on the disk changes. */
  readonly isTrialState: boolean;
}

export interface Setup {
  readonly id: string;
  readonly door: string;
  readonly port: number;
  readonly seconds: number;
  readonly minutes: number;
  readonly persist: boolean;
  /** Empty at a door for codes. */
  readonly sequence: Sequence;
  /** Undefined at a door with a sequence. */
  readonly codes: CodeFiles | undefined;
  /** The first client of a door for codes (new-client.ts). */
  readonly client: Client | undefined;
  /** The real path of the config. */
  readonly config: string;
  /** The path at which the old config stays after the confirmation. */
  readonly backup: string;
  readonly existed: boolean;
  /** The names of the doors that are in the config already and stay. */
  readonly kept: readonly string[];
  /** The text of the final config, and that of the trial. Each character stands for one byte. */
  readonly text: string;
  readonly trialText: string;
  readonly firewall: FirewallPlan;
  /** Was the port closed before? Then a rollback does not open it. */
  readonly wasClosed: boolean;
  /** Did knockd's table exist before? Then a rollback does not remove it. */
  readonly hadTable: boolean;
  readonly unit: Unit | undefined;
}

export const NO_SYSTEMD =
  "--persist needs systemd and knockd.service. Without them, restore the rules at each boot yourself";

/** Nothing can be set up. The message says why. */
export class Refused extends Error {}

/** The doors of the config that stay unless they are replaced. Throws ConfigError if knockd would refuse the config. */
export function doorsOf(config: string): readonly string[] {
  return keptOf(realPath(config))?.config.doors.map(({ name }) => name) ?? [];
}

/** The first of NAME2, NAME3 … that no door has. */
export function freeName(door: string, taken: readonly string[]): string {
  for (let n = 2; ; n++) if (!taken.includes(`${door}${n}`)) return `${door}${n}`;
}

/** `now` is knockd's current table. Throws Refused, or ConfigError if knockd would refuse the config. */
export function plan(wishes: Wishes, now: GateNow | undefined): Setup {
  const { config, door, port } = wishes;
  const file = realPath(config);
  const existing = existingConfig(file);
  const kept = wishes.replace === "all" ? undefined : keptOf(file);
  const all = kept?.config.doors.map(({ name }) => name) ?? [];
  if (all.includes(door) && wishes.replace === undefined) {
    throw new Refused(
      `${file} already has a door "${door}". Name the new one with --door ${freeName(door, all)}, ` +
        "replace that door with --replace-door, or all doors with --replace",
    );
  }
  const names = all.filter((name) => name !== door);
  const unit = knockdUnit();
  if (wishes.persist && unit === undefined) {
    throw new Refused(NO_SYSTEMD);
  }
  const firewall = firewallFor(wishes, kept?.config);
  const wasClosed = firewall.kind === "mark" || isGuarded(now, port);
  if (now !== undefined && now.config !== configInComment(configIdentity(file)))
    throw new Refused(
      `knockd's table serves the doors of ${now.config}, not those of ${file}. Use -c ${now.config}, or first: knockctl gate open`,
    );
  const hadTable = now !== undefined && (existing?.config.doors.some(({ opening }) => opening !== undefined) ?? false);
  const codes = wishes.codes ? codeFiles(file, kept?.config) : undefined;
  const sequence = codes === undefined ? randomSequence(wishes.knocks, wishes.mixed, freePorts()) : [];
  const { seconds, interface: at } = wishes;
  if (kept === undefined && at === undefined && defaultInterfaces().length === 0)
    throw new Refused("this host has no default route, so init cannot choose an interface. Name it: --interface eth0");
  const keptText = kept && wishes.replace === "door" ? withoutDoor(kept.text, door) : kept?.text;
  const mode = kept !== undefined && isSaid(kept.config) ? undefined : modeOf(firewall.kind);
  const added = { name: door, sequence, seconds, port, interface: at, mode, allow: firewall.lan };
  const text = configText({ ...added, clients: codes?.clients }, keptText);
  const tried = codes === undefined ? text : configText({ ...added, clients: TRIAL_CLIENTS }, keptText);
  const trialState = codes?.isTrialState ? TRIAL_STATE : undefined;
  return {
    ...{ id: randomUUID(), door, port, seconds, minutes: wishes.minutes, persist: wishes.persist, sequence },
    ...{ config: file, backup: backupOf(file), existed: existing !== undefined, kept: names },
    ...{ text, trialText: trialText(tried, DAEMON_LOG, trialState), codes, client: undefined },
    ...{ firewall, wasClosed, hadTable, unit },
  };
}

/** /etc/knockd/clients for /etc/knockd.conf, unless a door that stays has another file. */
function codeFiles(file: string, kept: Config | undefined): CodeFiles {
  const taken = kept?.doors.find(({ clientsFile }) => clientsFile !== undefined)?.clientsFile;
  const state = kept?.options.clientsState ?? CLIENTS_STATE;
  return {
    clients: realPath(taken ?? join(dirname(file), "knockd/clients")),
    ...{ state, isTrialState: taken === undefined && !existsSync(state) },
  };
}

/** Runs a program that changes nothing. */
export function look(argv: readonly string[], input?: string): { status: number; stdout: string; stderr: string } {
  const [program = "", ...args] = argv;
  const env = { ...process.env, PATH, LC_ALL: "C" };
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: "utf8",
    env,
    timeout: 20_000,
    ...(input === undefined ? {} : { input }),
  });
  return { status: status ?? 127, stdout: stdout ?? "", stderr: (stderr || error?.message) ?? "" };
}

/** Does systemd run? Checked as sd_booted(3) does. */
export function systemdRuns(): boolean {
  return existsSync("/run/systemd/system");
}

/** Undefined if systemd does not run or has no knockd.service. */
function knockdUnit(): Unit | undefined {
  if (!systemdRuns()) return undefined;
  const property = (name: string) => look(["systemctl", "show", "-P", name, "knockd.service"]).stdout.trim();
  if (property("LoadState") !== "loaded") return undefined;
  if (property("DynamicUser") === "yes") {
    throw new Refused(
      "knockd.service runs as a user of its own. Remove the drop-in knockd-unprivileged.conf while you set up",
    );
  }
  const daemon = /\bpath=(\S+)/.exec(property("ExecStart"))?.[1] ?? "/usr/sbin/knockd";
  return { daemon, wasActive: /^(active|activating|reloading)$/.test(property("ActiveState")) };
}

/** Throws Refused if the user's choices cannot be met. */
function firewallFor(wishes: Wishes, kept: Config | undefined): FirewallPlan {
  const { port } = wishes;
  if (kept?.options.firewall.mode.kind === "set")
    throw new Refused(`${kept.file} has Firewall = set: init does not know your rules. Add the door by hand`);
  const said = kept !== undefined && isSaid(kept) ? (kept.options.firewall.mode.kind as FirewallKind) : undefined;
  const ipv6 = hasIpv6();
  const choice = chooseFirewall(port, ipv6, look, wishes.firewall ?? said);
  if (choice.kind === "mark" && choice.place === undefined)
    throw new Refused(`a mark cannot close TCP port ${port} here: ${choice.why}. Use --firewall gate`);
  if (said !== undefined && said !== choice.kind)
    throw new Refused(`${kept!.file} has Firewall = ${said}: all its doors use that. Use --firewall ${said}`);
  if (choice.kind === "mark") {
    if (wishes.lan !== undefined)
      throw new Refused(
        "with a mark, your own firewall decides who needs no knock: change it there, or use --firewall gate",
      );
    return { ...choice, lan: [] };
  }
  const before = kept?.options.firewall.allow.map(formatNetwork) ?? [];
  return { ...choice, lan: [...new Set([...before, ...lanFor(wishes, ipv6)])] };
}

/** Does the config choose the firewall, by a directive or by its built-in doors? */
function isSaid({ doors, options, lines }: Config): boolean {
  return lines.get(options)!.has("firewall") || doors.some(({ opening }) => opening !== undefined);
}

function lanFor({ lan, port }: Wishes, ipv6: boolean): readonly string[] {
  if (lan === false) return [];
  if (typeof lan === "object") return lan;
  const { byRule, own } = lanHere(port, ipv6, look);
  const all = lan ? [...new Set([...byRule, ...own])] : byRule;
  if (lan && all.length === 0) throw new Refused("this host has no private network. Name one: --lan 192.168.1.0/24");
  return all;
}

function keptOf(file: string): Existing | undefined {
  const existing = existingConfig(file);
  return existing !== undefined && isOwn(existing) ? existing : undefined;
}

function backupOf(file: string): string {
  for (let n = 1; ; n++) {
    const backup = `${file}.before-init${n === 1 ? "" : `.${n}`}`;
    if (lstatSync(backup, { throwIfNoEntry: false }) === undefined) return backup;
  }
}
