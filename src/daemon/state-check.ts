// Can the daemon write into /run/knockd? A container may have no writable /run. A door that only runs a command does not need
// it, so nothing is logged. A door that closes again does, so one line warns what may be lost.

import type { Config } from "../config/door.ts";
import type { Settings } from "../config/settings.ts";
import type { Log } from "../log/logger.ts";
import { STATE_DIRECTORY, stateTrouble } from "../platform/state-directory.ts";

export class StateCheck {
  readonly #log: Pick<Log, "warn">;
  readonly #look: () => string | undefined;
  #isStateless = false;
  #isTold = false;

  constructor(log: Pick<Log, "warn">, look = stateTrouble) {
    this.#log = log;
    this.#look = look;
  }

  /** No state can be written, and that has been logged where it matters. */
  get isStateless(): boolean {
    return this.#isStateless;
  }

  /** Call it at the start and at each reload. With a StateFile, the ledger reports its own errors. */
  check({ doors }: Pick<Config, "doors">, { stateFile }: Pick<Settings, "stateFile">): void {
    const trouble = stateFile === undefined ? this.#look() : undefined;
    this.#isStateless = trouble !== undefined;
    if (trouble === undefined || this.#isTold) return;
    if (!doors.some(({ stopCommand, stopCommand6 }) => stopCommand || stopCommand6)) return;
    this.#isTold = true;
    this.#log.warn(
      `${STATE_DIRECTORY}: ${trouble}: if knockd is killed, open doors stay open; knockctl cannot reach this knockd`,
    );
  }
}
