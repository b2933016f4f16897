// `knockd --gate`, and `knockctl gate close` without a daemon: builds the table that closes the ports of built-in doors. At
// boot this happens before the network is up. The daemon takes the table over.

import { type Config, ConfigError } from "../config/door.ts";
import { DEFAULT_FIREWALL, type FirewallOptions, formatPorts } from "../config/opening.ts";
import { readConfig } from "../config/read.ts";
import { readableGate } from "../config/readable-ports.ts";
import { configIdentity } from "../platform/config-identity.ts";
import { native } from "../platform/native.ts";
import { readRegularFile } from "../platform/read-file.ts";
import { FirewallError } from "./firewall-error.ts";
import { GateRecord, type RecordedGate } from "./gate-record.ts";
import { GateTable } from "./gate-table.ts";
import { refuseOther } from "./kernel-state.ts";
import { KernelTables } from "./kernel-tables.ts";
import { isNeeded } from "./layout.ts";
import { readTable } from "./table-status.ts";

/**
 * Returns a line about what it has done, for the journal. Throws ConfigError if the config is refused or lost. Then it has
 * closed the ports that the config still names, or those that were closed before.
 */
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
  if (config.isBlank && new GateRecord(file).isThere)
    throw new ConfigError(`${file}: an empty file\n${refusing(() => closeRecorded(file))}`);
  if (!isNeeded(doors, options.firewall)) return `gate: no door of ${file} has open, so there is nothing to close`;
  if (kind === "set") return "gate: Firewall = set has no table of knockd's, so there is nothing to close";
  const there = readTable();
  if (there !== undefined) refuseOther(there.config, configIdentity(file));
  if (there?.owner !== undefined) {
    const [missing] = notGuarded(file);
    if (missing !== undefined) {
      // The gate was opened by hand, or the daemon has not read this config yet.
      const cure = there.guarded.length === 0 ? "Close it: knockctl gate close" : "Reload it: systemctl reload knockd";
      throw new ConfigError(`gate: a running knockd owns the table, and leaves ${missing} open\n${cure}`);
    }
    return "gate: a running knockd has built it already";
  }
  apply(file, doors, options.firewall);
  const guarded = readTable()?.guarded.map(formatPorts) ?? [];
  return kind === "mark" ? "gate: built the table that marks clients" : `gate: closed ${guarded.join(", ")}`;
}

/**
 * Closes the ports that a refused config still names. If our table exists, it stays as it is. Returns the lines for the
 * journal.
 */
function closeReadable(file: string): string {
  const text = textOf(file);
  const { ports, mode, allow } = readableGate(text);
  if (mode.kind !== "gate") return `gate: Firewall = ${mode.kind} leaves the ports to your own rules`;
  return refusing(() => {
    const now = readTable();
    if (now !== undefined) return `gate: the table that is there stays, and closes ${listOf(now.guarded)}`;
    // A config with sections but without `open` is the user's decision. A file without sections has been damaged.
    if (ports.length === 0 && !/^\s*\[.+\]/m.test(text)) return closeRecorded(file);
    if (ports.length === 0) return "gate: no line that can be read names a port, so nothing is closed";
    apply(file, [], { ...DEFAULT_FIREWALL, allow, closed: ports });
    return `gate: closed what the other lines name: ${listOf(readTable()?.guarded ?? [])}`;
  });
}

/** Closes the ports that the gate record lists. Returns the lines for the journal. */
function closeRecorded(file: string): string {
  let gate: RecordedGate | undefined;
  try {
    gate = new GateRecord(file).load();
  } catch (error) {
    return `gate: nothing is closed: ${(error as Error).message}`;
  }
  if (gate === undefined) return "gate: nothing is closed: no knockd has closed a port by this config before";
  const { mode, ports, allow, reply } = gate;
  if (mode === "mark") return "gate: Firewall = mark leaves the ports to your own rules";
  apply(file, [], { ...DEFAULT_FIREWALL, allow, reply, closed: ports });
  const way = "To open it: knockctl gate open. To leave it open at each boot: systemctl disable knockd-gate";
  return `gate: closed what it closed before the config was lost: ${listOf(readTable()?.guarded ?? [])}\n${way}`;
}

/** Returns the kernel's error as a line, because the caller reports the config's error as well. */
function refusing(close: () => string): string {
  try {
    return close();
  } catch (error) {
    if (!(error instanceof FirewallError)) throw error;
    return error.message;
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

function apply(file: string, doors: Config["doors"], options: FirewallOptions): void {
  const socket = new native.NftSocket();
  try {
    new GateTable(new KernelTables(socket), { config: configIdentity(file) }).apply(doors, options);
  } finally {
    socket.close();
  }
}

/** Ignores used-up sequences and unreadable clients files: the gate closes the ports of their doors as well. */
function readDoors(file: string): Config {
  return readConfig(
    file,
    () => [{ protocol: "tcp", port: 1 }],
    () => [],
  );
}

/** The ports of the config that the table does not close. */
export function notGuarded(file: string): string[] {
  const { doors, options } = readDoors(file);
  const now = readTable();
  if (options.firewall.mode.kind !== "gate") return [];
  const ports = [...doors.flatMap(({ opening }) => opening?.ports ?? []), ...options.firewall.closed];
  const isIn = (protocol: string, port: number) =>
    now?.guarded.some((one) => one.protocol === protocol && one.low <= port && port <= one.high) ?? false;
  return ports.filter(({ protocol, low }) => !isIn(protocol, low)).map(formatPorts);
}
