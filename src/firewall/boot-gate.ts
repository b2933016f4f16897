// `knockd --gate`, and `knockctl gate close` without a daemon: closes the ports of built-in doors before there is a network, and leaves. The daemon takes the table over.

import { type Config, ConfigError } from "../config/door.ts";
import { DEFAULT_FIREWALL, type FirewallOptions, formatPorts } from "../config/opening.ts";
import { readConfig } from "../config/read.ts";
import { readableGate } from "../config/readable-ports.ts";
import { native } from "../platform/native.ts";
import { readRegularFile } from "../platform/read-file.ts";
import { FirewallError } from "./firewall-error.ts";
import { GateTable } from "./gate-table.ts";
import { KernelTables } from "./kernel-tables.ts";
import { isNeeded } from "./layout.ts";
import { readTable } from "./table-status.ts";

/** Returns what it has done, for the journal. Throws ConfigError; then it has closed what a refused config still names. */
export function buildGate(file: string): string {
  let config: Config;
  try {
    config = readDoors(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${error.message}\n${closeReadable(file)}`);
  }
  const { doors, options } = config;
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
  apply(doors, options.firewall);
  const guarded = readTable()?.guarded.map(formatPorts) ?? [];
  return kind === "mark" ? "gate: built the table that marks clients" : `gate: closed ${guarded.join(", ")}`;
}

/** What a refused config still names is closed, unless a table of ours is there: that one is left as it is. Returns the line for the journal. */
function closeReadable(file: string): string {
  const { ports, mode, allow } = readableGate(textOf(file));
  if (mode.kind !== "gate") return `gate: Firewall = ${mode.kind} leaves the ports to your own rules`;
  try {
    const now = readTable();
    if (now !== undefined) return `gate: the table that is there stays, and closes ${listOf(now.guarded)}`;
    if (ports.length === 0) return "gate: no line that can be read names a port, so nothing is closed";
    apply([], { ...DEFAULT_FIREWALL, allow, closed: ports });
    return `gate: closed what the other lines name: ${listOf(readTable()?.guarded ?? [])}`;
  } catch (error) {
    if (!(error instanceof FirewallError)) throw error;
    return error.message; // beside what is wrong with the config, not instead of it
  }
}

function listOf(ports: FirewallOptions["closed"]): string {
  return ports.length === 0 ? "no port" : ports.map(formatPorts).join(", ");
}

function textOf(file: string): string {
  try {
    return readRegularFile(file).toString("utf8");
  } catch {
    return "";
  }
}

function apply(doors: Config["doors"], options: FirewallOptions): void {
  const socket = new native.NftSocket();
  try {
    new GateTable(new KernelTables(socket), true).apply(doors, options);
  } finally {
    socket.close();
  }
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
