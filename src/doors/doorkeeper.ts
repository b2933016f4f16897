// Runs a door's start command when it opens, and its stop command in its time.

import { type Address, formatAddress, isIpv4 } from "../address.ts";
import type { Door } from "../config/door.ts";
import { commandFailed, commandTimeout, couldNotRun, runningCommand } from "../log/lines.ts";
import { fillIn, type Run } from "./command.ts";

export interface DoorkeeperOptions {
  run: Run;
  /** Calls back after so many seconds of the monotonic clock, unless cancelled. */
  after: (seconds: number, callback: () => void) => { cancel(): void };
  tell: {
    /** A line about a door that this knocker opened. */
    event(knocker: Address, line: (who: string) => string): void;
    /** The same, when something failed. */
    failure(knocker: Address, line: (who: string) => string): void;
  };
}

interface OpenDoor {
  readonly door: Door;
  readonly knocker: Address;
  readonly stopCommand: string;
  /** Waiting for its time; undefined while the start command runs. */
  timer: { cancel(): void } | undefined;
}

export class Doorkeeper {
  readonly #options: DoorkeeperOptions;
  readonly #open = new Set<OpenDoor>();
  readonly #running = new Set<Promise<void>>();
  #leaving = false;

  constructor(options: DoorkeeperOptions) {
    this.#options = options;
  }

  /**
   * Opens a door: the start command now, the stop command `cmdTimeout` seconds after its end, each for the knocker's
   * family. 0.8: without a start command there is no stop command either. Returns before anything has ended.
   */
  open(door: Door, knocker: Address): void {
    const ipv4 = isIpv4(knocker);
    const start = ipv4 ? door.startCommand : (door.startCommand6 ?? door.startCommand);
    const stop = ipv4 ? door.stopCommand : (door.stopCommand6 ?? door.stopCommand);
    if (!start) return;
    const open = stop ? { door, knocker, stopCommand: stop, timer: undefined } : undefined;
    if (open) this.#open.add(open);
    this.#track(
      this.#run(door, knocker, start).then(() => {
        if (open) this.#awaitClosing(open);
      }),
    );
  }

  /** Runs every outstanding stop command now; resolves when no command of ours is left. */
  async leave(): Promise<void> {
    this.#leaving = true;
    for (const open of this.#open) if (open.timer) this.#close(open);
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #awaitClosing(open: OpenDoor): void {
    if (this.#leaving) {
      this.#close(open);
      return;
    }
    open.timer = this.#options.after(open.door.cmdTimeout, () => {
      this.#options.tell.event(open.knocker, (who) => commandTimeout(who, open.door));
      this.#close(open);
    });
  }

  #close(open: OpenDoor): void {
    open.timer?.cancel();
    this.#open.delete(open);
    this.#track(this.#run(open.door, open.knocker, open.stopCommand));
  }

  async #run(door: Door, knocker: Address, template: string): Promise<void> {
    const { run, tell } = this.#options;
    const command = fillIn(template, formatAddress(knocker));
    tell.event(knocker, () => runningCommand(door, command));
    try {
      const status = await run(command);
      if (status !== 0) tell.failure(knocker, () => commandFailed(door, status));
    } catch (error) {
      tell.failure(knocker, () => couldNotRun(door, error as Error));
    }
  }

  #track(work: Promise<void>): void {
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
  }
}
