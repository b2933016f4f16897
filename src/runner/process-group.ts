// A command with all that it has started, as far as that has not gone into a session of its own: its process group.

import { setTimeout as sleep } from "node:timers/promises";

/** How long a command that is told to end may take for it. */
const TERM_GRACE_MS = 5000;
/** How long one that was killed is waited for. In a container whose first process reaps nobody, it is there for ever. */
const KILL_WAIT_MS = 1000;
/** Between two looks. No other group can have the number as long as this one was there at each. */
const POLL_MS = 20;

export class ProcessGroup {
  readonly #number: number;
  #ending: Promise<void> | undefined;

  /** `pid` is that of its leader, a shell that nobody has waited for yet. */
  constructor(pid: number) {
    this.#number = pid;
  }

  /** Tells all of it to end, and kills what then has not: also what outlives its shell. Once. */
  terminate(): void {
    this.#ending ??= this.#end();
  }

  /** Nothing of it is left, if it was told to end; else at once: what a command leaves running is its own affair. */
  async waitGone(): Promise<void> {
    await this.#ending;
  }

  async #end(): Promise<void> {
    this.#signal("SIGTERM");
    if (await this.#endsWithin(TERM_GRACE_MS)) return;
    this.#signal("SIGKILL");
    await this.#endsWithin(KILL_WAIT_MS);
  }

  async #endsWithin(ms: number): Promise<boolean> {
    for (let looks = Math.ceil(ms / POLL_MS); looks > 0 && this.#signal(0); looks--) await sleep(POLL_MS);
    return !this.#signal(0);
  }

  /** False when there is no such group any more. 0 is no signal: it only asks. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    try {
      process.kill(-this.#number, signal);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
      if ((error as NodeJS.ErrnoException).code === "EPERM") return true; // it has become another user
      throw error;
    }
  }
}
