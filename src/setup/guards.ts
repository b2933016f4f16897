// The ports of built-in doors: are they closed now, and at each boot? For status and check.

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
  /** A unit closes it at each boot. */
  readonly isEnabled: boolean;
  /** Undefined: the kernel cannot be asked, as by anyone but root. */
  readonly isClosed: boolean | undefined;
}

/** Of the doors in this config; none where it cannot be read. */
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

/** By the link that `systemctl enable` makes. */
function isEnabled(unit: string): boolean {
  return lstatSync(`${WANTS}/${unit}`, { throwIfNoEntry: false }) !== undefined;
}

/** For people: the state, and which way it fails. `isHeard`: does a knockd answer? */
export function guardText({ kind, ports, isEnabled, isClosed }: Guard, isHeard: boolean): string {
  if (isClosed === undefined) return `${ports}: run this as root to see whether it is closed`;
  if (!isClosed) {
    return kind === "gate"
      ? `${ports} is OPEN to all. To close it: knockctl gate close`
      : `${ports} is OPEN to all: your own firewall accepts it`;
  }
  if (!isHeard) return `${ports} is closed, and no knockd is running: no client can knock`;
  const closed = `${ports} is closed to clients that have not knocked`;
  if (kind === "mark") return `${closed}, by your own firewall: it fails closed`;
  const boot = isEnabled
    ? `at each boot too (${GATE_UNIT.replace(/\.service$/, "")})`
    : "after a reboot once knockd runs";
  return `${closed}, ${boot}. The gate fails open: without knockd's table everyone gets in`;
}
