// The process group of a command: the command and its children, except those in a session of their own.

import { setTimeout as sleep } from "node:timers/promises";

/** How long a command may take to end after SIGTERM. */
const TERM_GRACE_MS = 5000;
/** How long to wait after SIGKILL. In a container whose first process reaps no children, the process stays forever. */
const KILL_WAIT_MS = 1000;
/** Time between two checks. The number cannot be reused while the group existed at each check. */
const POLL_MS = 20;

export class ProcessGroup {
  readonly #number: number;
  #ending: Promise<void> | undefined;

  /** `pid`: the group's leader, a process that has not been reaped yet. */
  constructor(pid: number) {
    this.#number = pid;
  }

  /** Sends SIGTERM to the group, later SIGKILL to what is left, also after the leader has ended. Once. */
  terminate(): void {
    this.#ending ??= this.#end();
  }

  /** Resolves when nothing of a terminated group is left; otherwise at once, because a command may leave processes running. */
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

  /** Returns false if the group no longer exists. Signal 0 only checks. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    try {
      process.kill(-this.#number, signal);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
      if ((error as NodeJS.ErrnoException).code === "EPERM") return true; // it runs as another user now
      throw error;
    }
  }
}
