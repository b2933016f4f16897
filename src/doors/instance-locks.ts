// What this daemon alone may do on this machine, as files that are locked for as long as it lives: keep a ledger, and
// listen by one config at one interface. Two daemons that hear the same knock would each open the door for it.

import * as fs from "node:fs";
import { basename } from "node:path";
import { native } from "../platform/native.ts";
import { ledgerPath, makePrivateDirectory, STATE_DIRECTORY } from "../platform/state-directory.ts";
import { requireOwnDirectories } from "../platform/trusted-file.ts";

/** Another process holds the lock. */
export class AlreadyRunning extends Error {}

export class InstanceLocks {
  /** By what is claimed, the descriptor that holds its lock. */
  readonly #held = new Map<string, number>();
  /** Those of interfaces. */
  readonly #interfaces = new Set<string>();

  /**
   * Throws AlreadyRunning, naming the process, and on a line of its own the `advice`; an Error in the system's words when
   * nothing can be locked there.
   */
  acquire(path: string, what: string, advice?: string): void {
    if (this.#held.has(path)) return;
    requireOwnDirectories(path);
    const lock = native.lock(lockFile(path));
    if ("holder" in lock) {
      const why = `knockd is already running ${what}${lock.holder > 0 ? ` (pid ${lock.holder})` : ""}`;
      throw new AlreadyRunning(advice === undefined ? why : `${why}\n${advice}`);
    }
    this.#held.set(path, lock.descriptor);
  }

  /** One for each interface that this config is heard at. */
  acquireInterfaces(config: string, patterns: readonly string[]): void {
    makePrivateDirectory(STATE_DIRECTORY);
    for (const word of patterns) {
      const path = ledgerPath(config, word);
      this.acquire(path, `with ${config} on ${word}`);
      this.#interfaces.add(path);
    }
  }

  /** Of the interfaces only these: it is heard at no other any more. */
  keepInterfaces(config: string, patterns: readonly string[]): void {
    const kept = new Set(patterns.map((word) => ledgerPath(config, word)));
    for (const path of this.#interfaces) {
      if (kept.has(path)) continue;
      this.#interfaces.delete(path);
      this.release(path);
    }
  }

  /** Lets others have it, if it was ours. */
  release(path: string): void {
    const descriptor = this.#held.get(path);
    if (descriptor === undefined) return;
    try {
      fs.rmSync(lockFile(path), { force: true }); // while nobody else can hold it
    } catch {} // the disk is read-only by now: nobody holds it all the same
    fs.closeSync(descriptor);
    this.#held.delete(path);
  }

  /**
   * Has each ledger adopted that a daemon with the same config, for other interfaces, has left behind: nobody closes its
   * doors but us.
   */
  adoptOrphans(config: string, own: string, adopt: (path: string) => void): void {
    const [directory, start] = [STATE_DIRECTORY, basename(ledgerPath(config, ""), ".ledger")]; // "etc-knockd.conf@"
    for (const file of filesIn(directory)) {
      const path = `${directory}/${file}`;
      if (!file.startsWith(start) || !file.endsWith(".ledger") || path === own) continue;
      const wasOurs = this.#held.has(path);
      if (!this.#isFree(path)) continue;
      adopt(path);
      if (!wasOurs) this.release(path);
    }
  }

  /** Lets go of all. */
  end(): void {
    for (const path of [...this.#held.keys()]) this.release(path);
  }

  #isFree(path: string): boolean {
    try {
      this.acquire(path, "");
      return true;
    } catch {
      return false; // its owner lives, or nobody can tell
    }
  }
}

function lockFile(path: string): string {
  return `${path}.lock`;
}

function filesIn(directory: string): string[] {
  try {
    return fs.readdirSync(directory);
  } catch {
    return []; // there is none, or it is not for us
  }
}
