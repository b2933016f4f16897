// What is to be set up, all of it decided before anything is changed: a plain value, of what was asked for and what is there.

import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, lstatSync, readFileSync } from "node:fs";
import { realPath } from "../platform/real-path.ts";
import { freePorts, randomSequence } from "../sequences/random.ts";
import type { Sequence } from "../sequences/sequence.ts";
import { scriptPath } from "./boot-unit.ts";
import { configText, type Existing, existingConfig, isOwn, trialText, withoutDoor } from "./door-config.ts";
import { doorCommands, type FirewallKind, type FirewallPlace, firewallScript, PATH, programPath } from "./firewall.ts";
import { lanHere } from "./lan.ts";
import { DAEMON_LOG } from "./trial-paths.ts";

/** What was asked for. */
export interface Wishes {
  readonly config: string;
  readonly door: string;
  readonly port: number;
  readonly knocks: number;
  readonly mixed: boolean;
  readonly seconds: number;
  readonly minutes: number;
  readonly interface: string | undefined;
  readonly firewall: FirewallKind | undefined;
  /** Which doors of the config do not stay: all, or those of the new one's name. */
  readonly replace: "all" | "door" | undefined;
  readonly persist: boolean;
  /** Networks that come in without a knock. Undefined: those that a rule lets in. True: this host's private ones too. */
  readonly lan: readonly string[] | boolean | undefined;
}

/** knockd.service, where systemd runs. */
export interface Unit {
  /** The program. */
  readonly daemon: string;
  readonly wasActive: boolean;
}

export interface Setup {
  readonly id: string;
  readonly door: string;
  readonly port: number;
  readonly seconds: number;
  readonly minutes: number;
  readonly persist: boolean;
  readonly sequence: Sequence;
  /** By its real path. */
  readonly config: string;
  /** Where the old config stays when the new one is confirmed. */
  readonly backup: string;
  readonly existed: boolean;
  /** The names of the doors that are in it already, and stay. */
  readonly kept: readonly string[];
  /** Of the config: in the end, and for the time of trial. A byte a letter. */
  readonly text: string;
  readonly trialText: string;
  readonly firewall: FirewallPlace;
  /** The port was guarded before: a rollback does not open it. */
  readonly wasClosed: boolean;
  readonly unit: Unit | undefined;
}

export const NO_SYSTEMD =
  "--persist needs systemd and knockd.service. Without them, restore the rules at each boot yourself";

/** Why nothing can be set up: a line for whoever asked. */
export class Refused extends Error {}

/** The doors of the config that stay unless they are replaced. Throws a ConfigError at a config that knockd would refuse. */
export function doorsOf(config: string): readonly string[] {
  return keptOf(realPath(config))?.config.doors.map(({ name }) => name) ?? [];
}

/** The first of NAME2, NAME3 … that no door has. */
export function freeName(door: string, taken: readonly string[]): string {
  for (let n = 2; ; n++) if (!taken.includes(`${door}${n}`)) return `${door}${n}`;
}

/** Throws Refused, or a ConfigError at a config that knockd would refuse. */
export function plan(wishes: Wishes): Setup {
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
  const place = { kind: wishes.firewall ?? firewallHere(), ipv6: existsSync("/proc/net/if_inet6") };
  const wasClosed = isClosed(place, port);
  const firewall = { ...place, lan: wasClosed ? lanOf(scriptPath(place.kind)) : lanFor(wishes, place) };
  if (wishes.persist && isOther(scriptPath(firewall.kind), firewallScript(firewall))) {
    throw new Refused(
      `${scriptPath(firewall.kind)} exists, and is not the script that closes the port. Remove it first`,
    );
  }
  const sequence = randomSequence(wishes.knocks, wishes.mixed, freePorts());
  const { seconds, interface: at } = wishes;
  const commands = doorCommands(firewall, port);
  const keptText = kept && wishes.replace === "door" ? withoutDoor(kept.text, door) : kept?.text;
  const text = configText({ name: door, sequence, seconds, commands, interface: at }, keptText);
  return {
    ...{ id: randomUUID(), door, port, seconds, minutes: wishes.minutes, persist: wishes.persist, sequence },
    ...{ config: file, backup: backupOf(file), existed: existing !== undefined, kept: names },
    ...{ text, trialText: trialText(text, DAEMON_LOG), firewall, wasClosed, unit },
  };
}

/** Runs a program that only looks. */
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

/** As sd_booted(3). */
export function systemdRuns(): boolean {
  return existsSync("/run/systemd/system");
}

/** Undefined where systemd does not run, or has no knockd.service. */
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

/**
 * The one that is in use: where there is a KNOCKD chain, iptables; a table of the family inet is nft's, for iptables never
 * makes one. Otherwise iptables, as in all the how-tos, if it is there.
 */
function firewallHere(): FirewallKind {
  const [iptables, nft] = [programPath("iptables"), programPath("nft")];
  if (iptables !== undefined && look([iptables, "-S", "KNOCKD"]).status === 0) return "iptables";
  if (nft !== undefined && /^table inet /m.test(look([nft, "list", "tables"]).stdout)) return "nft";
  if (iptables !== undefined) return "iptables";
  if (nft !== undefined) return "nft";
  throw new Refused("there is no firewall to set up. Run apt install iptables (or nftables)");
}

/** By the script that will close it. Throws Refused where the firewall can't be asked. */
function isClosed(firewall: FirewallPlace, port: number): boolean {
  const probes =
    firewall.kind === "nft"
      ? [["nft", "list", "tables"]]
      : [["iptables", "-S", "INPUT"], ...(firewall.ipv6 ? [["ip6tables", "-S", "INPUT"]] : [])];
  for (const probe of probes) {
    const { status, stderr } = look(probe);
    if (status !== 0) throw new Refused(`${probe.join(" ")} does not work here: ${stderr.trim().split("\n")[0]}`);
  }
  return look(["sh", "-s", "is-closed", `${port}`], firewallScript(firewall)).status === 0;
}

/** Whom the port's own rules, which exist already, let in: those of the script that made them. */
function lanOf(script: string): readonly string[] {
  const text = existsSync(script) ? readFileSync(script, "utf8") : "";
  return [...text.matchAll(/^lan[46]='(.*)'$/gm)].flatMap(([, networks]) => networks!.split(" ").filter(Boolean));
}

function lanFor({ lan, port }: Wishes, place: FirewallPlace): readonly string[] {
  if (lan === false) return [];
  if (typeof lan === "object") return lan;
  const { byRule, own } = lanHere(place, port, look);
  const all = lan ? [...new Set([...byRule, ...own])] : byRule;
  if (lan && all.length === 0) throw new Refused("this host has no private network. Name one: --lan 192.168.1.0/24");
  return all;
}

function keptOf(file: string): Existing | undefined {
  const existing = existingConfig(file);
  return existing !== undefined && isOwn(existing) ? existing : undefined;
}

/** A file that is there, with another text. */
function isOther(file: string, text: string): boolean {
  return existsSync(file) && readFileSync(file, "utf8") !== text;
}

function backupOf(file: string): string {
  for (let n = 1; ; n++) {
    const backup = `${file}.before-init${n === 1 ? "" : `.${n}`}`;
    if (lstatSync(backup, { throwIfNoEntry: false }) === undefined) return backup;
  }
}
