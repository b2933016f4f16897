// Runs every lint: on the config, on the files around it, and on how this system starts knockd.

import { resolveTargets } from "../config/resolve-targets.ts";
import type { Snapshot } from "../platform/native.ts";
import { realPath } from "../platform/real-path.ts";
import type { Guard } from "../setup/guards.ts";
import { type AskFirewall, lintOpening } from "./built-in-doors.ts";
import { lintClients } from "./clients.ts";
import { read } from "./config.ts";
import { configOf, type Defaults, hasInterface, initOf, isOnlyIpv4, lintDefaults } from "./defaults-file.ts";
import { atPlace, type Finding, ofDaemon, RESOLVE_HINT } from "./finding.ts";
import { lintGuards } from "./guards.ts";
import { lintInterface } from "./interface.ts";
import { lintFamilies } from "./ip-families.ts";
import { lintNoCommand } from "./no-command.ts";

import { lintOverruled } from "./overruled.ts";
import { lintModes } from "./permissions.ts";
import { lintPorts, type Ports } from "./ports.ts";
import { lintPrograms } from "./programs.ts";
import { lintSandbox } from "./sandbox.ts";
import { lintSequences } from "./sequences.ts";
import { installedUnit, loadedUnit } from "./systemd-unit.ts";
import { lintTcpFlags } from "./tcp-flags.ts";
import { lintTimeouts } from "./timeouts.ts";
import { lintUnsafePaths } from "./unsafe-path.ts";

export interface Host {
  readonly interfaces: Snapshot;
  readonly ports: Ports;
  readonly defaults: Defaults;
  readonly guards?: readonly Guard[];
  readonly firewall?: AskFirewall;
  /** Is the clock synchronised? Undefined: unknown. */
  readonly isClockSet?: () => boolean | undefined;
}

/** Sorted by the config's lines. Findings about the whole file come first, those about other files last. */
export async function lint(
  file: string,
  { interfaces, ports, defaults, guards = [], firewall = () => undefined, isClockSet = () => undefined }: Host,
): Promise<Finding[]> {
  const { config, findings } = read(file);
  const all = [...findings, ...lintModes(file, config)];
  if (realPath(file) === realPath(configOf(defaults)))
    all.push(...lintDefaults(defaults, initOf()), ...lintGuards(guards, initOf()));
  if (config === undefined) return all;
  const unit = loadedUnit() ?? installedUnit();
  const { warnings } = await resolveTargets(config, isOnlyIpv4(defaults));
  all.push(
    ...warnings.map((text) => ofDaemon("warning", file, text, RESOLVE_HINT)),
    ...(config.doors.length === 0 && findings.length === 0 ? [noDoor(file)] : []),
    ...lintSequences(config),
    ...lintPorts(config, ports),
    ...lintClients(config, ports, isClockSet),
    ...lintPrograms(config),
    ...lintUnsafePaths(config),
    ...lintFamilies(config, hasIpv6(interfaces, NOT_LINK_LOCAL) && !isOnlyIpv4(defaults)),
    ...lintTcpFlags(config),
    ...lintOverruled(config),
    ...lintNoCommand(config),
    ...lintTimeouts(config),
    ...lintOpening(config, firewall, hasIpv6(interfaces, NOT_LINK_LOCAL) && !isOnlyIpv4(defaults)),
    ...(hasInterface(defaults) ? [] : lintInterface(config, interfaces)),
    ...(unit === undefined ? [] : lintSandbox(config, unit)),
  );
  const place = ({ file: one, line }: Finding) => (one === file ? (line ?? 0) : Number.POSITIVE_INFINITY);
  return all.sort((a, b) => place(a) - place(b));
}

const NOT_LINK_LOCAL = /^(?!fe[89ab])/i;

/** Does any interface but the loopback have an IPv6 address? Without one, no IPv6 client can knock. */
function hasIpv6({ links, addresses }: Snapshot, which = /^/): boolean {
  const loopback = links.find(({ name }) => name === "lo")?.index;
  return addresses.some(({ index, address }) => index !== loopback && address.includes(":") && which.test(address));
}

/** 0.8 starts with such a config and prints nothing. */
function noDoor(file: string): Finding {
  const hint = "Add a section with a sequence, such as [openSSH] in man knockd.conf. Or run: knockctl init";
  return atPlace({ lint: "config", file, what: "the config has no door: no knock opens anything", hint });
}
