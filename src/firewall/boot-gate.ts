// `knockd --gate`, and `knockctl gate close` without a daemon: closes the ports of built-in doors before there is a network, and leaves. The daemon takes the table over.

import { type Config, ConfigError } from "../config/door.ts";
import { formatPorts } from "../config/opening.ts";
import { readConfig } from "../config/read.ts";
import { native } from "../platform/native.ts";
import { GateTable } from "./gate-table.ts";
import { KernelTables } from "./kernel-tables.ts";
import { isNeeded } from "./layout.ts";
import { readTable } from "./table-status.ts";

/** Returns what it has done, for the journal. Throws ConfigError. */
export function buildGate(file: string): string {
  const { doors, options } = readDoors(file);
  const { kind } = options.firewall.mode;
  if (!isNeeded(doors, options.firewall)) return `gate: no door of ${file} has open, so there is nothing to close`;
  if (kind === "set") return "gate: Firewall = set has no table of knockd's, so there is nothing to close";
  if (readTable()?.owner !== undefined) {
    const [missing] = notGuarded(file);
    if (missing !== undefined)
      throw new ConfigError(
        `gate: a running knockd owns the table, and leaves ${missing} open\nReload it: knockctl gate close`,
      );
    return "gate: a running knockd has built it already";
  }
  const socket = new native.NftSocket();
  try {
    new GateTable(new KernelTables(socket), true).apply(doors, options.firewall);
  } finally {
    socket.close();
  }
  const guarded = readTable()?.guarded.map(formatPorts) ?? [];
  return kind === "mark" ? "gate: built the table that marks clients" : `gate: closed ${guarded.join(", ")}`;
}

/** What there is to close does not depend on who may open it: used-up sequences or a broken clients file leave no port open. */
function readDoors(file: string): Config {
  return readConfig(
    file,
    () => [{ protocol: "tcp", port: 1 }],
    () => [],
  );
}

/** Ports of the config that no table closes now. */
export function notGuarded(file: string): string[] {
  const { doors, options } = readDoors(file);
  const now = readTable();
  if (options.firewall.mode.kind !== "gate") return [];
  const ports = [...doors.flatMap(({ opening }) => opening?.ports ?? []), ...options.firewall.closed];
  const isIn = (protocol: string, port: number) =>
    now?.guarded.some((one) => one.protocol === protocol && one.low <= port && port <= one.high) ?? false;
  return ports.filter(({ protocol, low }) => !isIn(protocol, low)).map(formatPorts);
}
