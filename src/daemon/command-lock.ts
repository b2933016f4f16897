// If every door is built-in, the daemon needs no programs. Then it gives up the right to start one, for good.

import { type Config, ConfigError, complain, type Door, type Line } from "../config/door.ts";
import type { Settings } from "../config/settings.ts";
import type { Log } from "../log/logger.ts";
import { lockDown } from "../platform/lockdown.ts";

export class CommandLock {
  readonly #log: Log;
  readonly #lockDown: typeof lockDown;
  #isOn = false;

  constructor(log: Log, lock = lockDown) {
    this.#log = log;
    this.#lockDown = lock;
  }

  /** Throws ConfigError if a door has a command and the daemon can no longer run commands. */
  admit(config: Config): void {
    if (!this.#isOn) return;
    const found = firstCommand(config);
    if (found === undefined) return;
    const why = `door '${found.door.name}' has a command, and this knockd can run none: restart to run commands`;
    throw new ConfigError(complain(config.file, found.line, why));
  }

  /** Call it once, after everything that needs more rights. Does nothing if a door has a command, or none is built-in. */
  close(config: Config, { logFile, pidFile, stateFile, clientsState }: Settings): void {
    const isBuiltIn = config.doors.some(({ opening }) => opening !== undefined);
    if (!isBuiltIn || firstCommand(config) !== undefined) return;
    const oneTime = config.doors.map(({ oneTimeSequences }) => oneTimeSequences);
    const clients = config.doors.map(({ clientsFile }) => clientsFile).filter((path) => path !== undefined);
    const ofClients = clients.length > 0 ? [...clients, clientsState] : [];
    const all = [config.file, logFile, pidFile, stateFile, ...oneTime, ...ofClients];
    const files = all.filter((path) => path !== undefined);
    try {
      const foreign = this.#lockDown(files);
      const kept = foreign.length > 0 ? `; keeps access to files of other users: ${foreign.join(", ")}` : "";
      this.#log.note(`locked down: no program can be started until knockd restarts${kept}`);
      this.#isOn = true;
    } catch (error) {
      this.#log.warn(`not locked down: ${(error as Error).message}`);
    }
  }
}

const COMMANDS = [
  ["startCommand", "start_command"],
  ["stopCommand", "stop_command"],
  ["startCommand6", "start_command_6"],
  ["stopCommand6", "stop_command_6"],
] as const;

/** The first command of the config. An empty command does not count. */
function firstCommand(config: Config): { readonly door: Door; readonly line: Line } | undefined {
  for (const door of config.doors) {
    for (const [name, directive] of COMMANDS) {
      if (door[name]) return { door, line: config.lines.get(door)!.get(directive)! };
    }
  }
  return undefined;
}
