// Logs what the daemon listens on, and its config.

import { isOneName } from "../capture/interfaces.ts";
import type { CaptureSupervisor } from "../capture/supervisor.ts";
import { type Config, complain } from "../config/door.ts";
import type { Log } from "../log/logger.ts";
import { formatAddress } from "../net/address.ts";

/** A fork's directive, whose effect knockd always has. */
const NO_EFFECT = "AllowDuplicates has no effect: a repeated knock never ends an attempt";

/** Call it once, when packets are being captured. */
export function logListening(log: Log, { captures, missing, patterns }: CaptureSupervisor): void {
  const present = [...captures.all.keys()];
  // As in 0.8, a single interface has the name that the user gave, which may be an alias.
  const names = (isOneName(patterns) && present.length > 0 ? patterns : present).join(", ");
  if (names !== "") log.note(`starting up, listening on ${names}`);
  if (names !== "") log.say(`listening on ${names}...`);
  if (missing.length > 0) log.info(`waiting for ${missing.join(", ")}`);
}

/** Call it at the start and after each reload. `warnings`: those that were found after the file itself was read. */
export function logConfig(log: Log, config: Config, warnings: readonly string[]): void {
  for (const warning of [...config.warnings, ...warnings]) log.warn(warning);
  for (const door of config.doors) log.debug(`config: ${JSON.stringify(door)}`);
  for (const lines of config.lines.values()) {
    const line = lines.get("allowduplicates");
    if (line !== undefined) log.debug(complain(config.file, line, NO_EFFECT));
  }
}

/** For -D: logs the addresses for which packets are captured, and the length of the BPF program. */
export function logCapture(log: Log, { captures }: CaptureSupervisor, instructions: number): void {
  for (const { capture } of captures.all.values()) {
    for (const address of capture.own.all) log.debug(`local IP: ${formatAddress(address)}`);
  }
  log.debug(`packet filter: ${instructions} instructions`);
}
