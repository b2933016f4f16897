// The ports that knockctl init has closed: those that a unit closes at each boot, and those that the firewall closes now.

import { existsSync, readdirSync } from "node:fs";
import { unitName, WANTS } from "./boot-unit.ts";
import { type FirewallKind, firewallScript, programPath } from "./firewall.ts";
import { look } from "./plan.ts";

export interface Guard {
  readonly kind: FirewallKind;
  readonly port: number;
  /** A unit closes it at each boot. */
  readonly isEnabled: boolean;
  /** Undefined: the firewall can't be asked, as by anybody but root. */
  readonly isClosed: boolean | undefined;
}

export function guardsHere(): readonly Guard[] {
  const enabled = enabledIn(WANTS);
  const mayAsk = process.getuid?.() === 0;
  const now = mayAsk ? closedNow() : [];
  const ipv6 = existsSync("/proc/net/if_inet6");
  const all = new Map([...enabled, ...now].map((one) => [unitName(one.kind, one.port), one]));
  return [...all].map(([unit, { kind, port }]) => {
    const ask = () => look(["sh", "-s", "is-closed", `${port}`], firewallScript({ kind, ipv6 })).status === 0;
    const isEnabled = enabled.some((one) => unitName(one.kind, one.port) === unit);
    return { kind, port, isEnabled, isClosed: mayAsk ? ask() : undefined };
  });
}

type Place = Pick<Guard, "kind" | "port">;

/** By the links that `systemctl enable` makes. */
export function enabledIn(folder: string): readonly Place[] {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.flatMap((name) => {
    const [, kind, port] = /^knockd-(iptables|nft)@(\d+)\.service$/.exec(name) ?? [];
    return kind === undefined ? [] : [{ kind: kind as FirewallKind, port: Number(port) }];
  });
}

function closedNow(): readonly Place[] {
  const iptables = programPath("iptables") ? look(["iptables", "-S", "INPUT"]).stdout : "";
  const nft = programPath("nft") ? look(["nft", "list", "set", "inet", "knockd", "guarded"]).stdout : "";
  return [
    ...[...iptables.matchAll(/--dport (\d+) .*-j KNOCKD_GUARD$/gm)].map(([, port]) => placeOf("iptables", port!)),
    ...[...(/elements = \{([^}]*)\}/.exec(nft)?.[1] ?? "").matchAll(/\d+/g)].map(([port]) => placeOf("nft", port)),
  ];
}

function placeOf(kind: FirewallKind, port: string): Place {
  return { kind, port: Number(port) };
}

/** For people. `isHeard`: does a knockd answer? */
export function guardText({ kind, port, isEnabled, isClosed }: Guard, isHeard: boolean): string {
  const [it, unit] = [`TCP port ${port}`, unitName(kind, port).replace(/\.service$/, "")];
  if (isClosed === undefined) return `${it}: run this as root to see whether ${unit} has closed it`;
  if (!isClosed) return `${it} is OPEN to all although ${unit} is enabled. To close it: systemctl restart ${unit}`;
  if (!isHeard) return `${it} is closed, and no knockd is running: no client can knock`;
  return `${it} is closed to clients that have not knocked${isEnabled ? ` (${unit})` : ", until the next reboot"}`;
}
