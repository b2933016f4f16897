// Locks for what only one daemon of this machine may do: write one ledger, and listen with one config at one interface. They
// are locked files, held as long as the daemon lives. Two daemons that receive the same knock would open the door twice.

import * as fs from "node:fs";
import { basename } from "node:path";
import { native } from "../platform/native.ts";
import { ledgerPath, makePrivateDirectory, STATE_DIRECTORY } from "../platform/state-directory.ts";
import { requireOwnDirectories } from "../platform/trusted-file.ts";

/** Another process holds the lock. */
export class AlreadyRunning extends Error {}

export class InstanceLocks {
  /** The path of each claim, with the descriptor that holds its lock. */
  readonly #held = new Map<string, number>();
  /** The claims of interfaces. */
  readonly #interfaces = new Set<string>();

  /**
   * Throws AlreadyRunning if another process holds the lock. The message names the process, and has `advice` on its second
   * line. Throws an Error with the system's reason if nothing can be locked there.
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

  /** The same, but returns the system's reason if nothing can be locked there. */
  tryAcquire(path: string, what: string, advice?: string): string | undefined {
    try {
      this.acquire(path, what, advice);
      return undefined;
    } catch (error) {
      if (error instanceof AlreadyRunning) throw error;
      return (error as Error).message;
    }
  }

  /** Takes one lock for each interface at which the daemon listens with this config. */
  acquireInterfaces(config: string, patterns: readonly string[]): void {
    makePrivateDirectory(STATE_DIRECTORY);
    for (const word of patterns) {
      const path = ledgerPath(config, word);
      this.acquire(path, `with ${config} on ${word}`);
      this.#interfaces.add(path);
    }
  }

  /** Releases the locks of all other interfaces: the daemon no longer listens there. */
  keepInterfaces(config: string, patterns: readonly string[]): void {
    const kept = new Set(patterns.map((word) => ledgerPath(config, word)));
    for (const path of this.#interfaces) {
      if (kept.has(path)) continue;
      this.#interfaces.delete(path);
      this.release(path);
    }
  }

  /** Releases the lock, if it is ours. */
  release(path: string): void {
    const descriptor = this.#held.get(path);
    if (descriptor === undefined) return;
    try {
      fs.rmSync(lockFile(path), { force: true }); // first: while we hold the lock, nobody else can use the file
    } catch {} // the disk has become read-only: a lock file without a lock does no harm
    fs.closeSync(descriptor);
    this.#held.delete(path);
  }

  /**
   * Calls `adopt` for each ledger that a dead daemon with the same config, but other interfaces, has left behind. Nobody else
   * would close its doors.
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

  /** Releases every lock. */
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
    return []; // the directory does not exist, or we may not read it
  }
}
