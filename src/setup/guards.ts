// For status and check: are the ports of built-in doors closed now, and at each boot?

import { lstatSync } from "node:fs";
import { ConfigError } from "../config/door.ts";
import { formatPorts } from "../config/opening.ts";
import { readConfig } from "../config/read.ts";
import { GATE_UNIT, unitOf, WANTS } from "./boot-unit.ts";
import type { FirewallKind } from "./firewall.ts";
import { firewallTools } from "./firewall-tools.ts";
import { gateNow, loadGate } from "./gate-now.ts";
import { look } from "./plan.ts";

export interface Guard {
  readonly kind: FirewallKind;
  /** `tcp/22` */
  readonly ports: string;
  /** Does a unit close the ports at each boot? */
  readonly isEnabled: boolean;
  /** Undefined if the kernel cannot be asked: only root may. */
  readonly isClosed: boolean | undefined;
}

/** The guards of the doors in this config. Empty if it cannot be read. */
export async function guardsHere(file: string): Promise<readonly Guard[]> {
  const doors = builtInDoors(file);
  const { mode, ports } = doors;
  if (mode === "set" || ports.length === 0) return [];
  const mayAsk = process.getuid?.() === 0;
  if (mayAsk) await loadGate();
  const now = mayAsk ? gateNow() : undefined;
  return ports.map((one) => {
    const byTable = () =>
      now?.guarded.some(({ protocol, low, high }) => protocol === one.protocol && low <= one.low && one.low <= high);
    const byOwn = () => {
      const { verdict } = firewallTools({ protocol: one.protocol, port: one.low }, look);
      return verdict && !verdict.accepts;
    };
    const isClosed = !mayAsk ? undefined : mode === "gate" ? (byTable() ?? false) : byOwn();
    return { kind: mode, ports: formatPorts(one), isEnabled: isEnabled(unitOf(mode)), isClosed };
  });
}

function builtInDoors(file: string) {
  try {
    const { doors, options } = readConfig(file);
    const all = doors.flatMap(({ opening, target }) => (target === undefined ? (opening?.ports ?? []) : []));
    const ports = all.filter((one, i) => all.findIndex((other) => formatPorts(other) === formatPorts(one)) === i);
    return { mode: options.firewall.mode.kind, ports };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { mode: "gate", ports: [] } as const;
  }
}

/** Checks the link that `systemctl enable` makes. */
function isEnabled(unit: string): boolean {
  return lstatSync(`${WANTS}/${unit}`, { throwIfNoEntry: false }) !== undefined;
}

/** Lines about the ports: their state, and what happens without knockd. Open ports come first. `isHeard`: a knockd answers. */
export function guardLines(guards: readonly Guard[], isHeard: boolean): readonly { text: string; isOpen: boolean }[] {
  const alike = new Map<string, Guard[]>();
  for (const guard of guards) {
    const key = JSON.stringify({ ...guard, ports: undefined });
    alike.set(key, [...(alike.get(key) ?? []), guard]);
  }
  const lines = [...alike.values()].map((same) => ({
    text: guardText({ ...same[0]!, ports: same.map(({ ports }) => ports).join(", ") }, isHeard, same.length > 1),
    isOpen: same[0]!.isClosed === false,
  }));
  return [...lines.filter(({ isOpen }) => isOpen), ...lines.filter(({ isOpen }) => !isOpen)];
}

function guardText({ kind, ports, isEnabled, isClosed }: Guard, isHeard: boolean, areMany: boolean): string {
  const [are, them] = areMany ? ["are", "them"] : ["is", "it"];
  if (isClosed === undefined) return `Only root can see whether ${ports} ${are} closed`;
  if (!isClosed) {
    return kind === "gate"
      ? `${ports} ${are} OPEN to all. To close ${them}: knockctl gate close`
      : `${ports} ${are} OPEN to all: your own firewall accepts ${them}`;
  }
  if (!isHeard) return `${ports} ${are} closed, and no knockd is running: no client can knock`;
  const closed = `${ports} ${are} closed to clients that have not knocked`;
  if (kind === "mark") return `${closed}, by your own firewall: ${areMany ? "they fail" : "it fails"} closed`;
  const boot = isEnabled
    ? `, at each boot too (${GATE_UNIT.replace(/\.service$/, "")})`
    : `. After a reboot ${areMany ? "they are" : "it is"} open until knockd runs`;
  return `${closed}${boot}. The gate fails open: without knockd's table everyone gets in`;
}
