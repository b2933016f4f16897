// What this daemon alone may do on this machine, as files that are locked for as long as it lives: keep a ledger, and
// listen by one config at one interface. Two daemons that hear the same knock would each open the door for it.

import * as fs from "node:fs";
import { basename } from "node:path";
import { native } from "../capture/native.ts";
import { ledgerPath, makePrivateDirectory, STATE_DIRECTORY } from "./ledger.ts";

/** Somebody else does it. */
export class AlreadyRunning extends Error {}

export class Claims {
  readonly #files = new Set<string>();

  /** Throws AlreadyRunning, naming the process; an Error in the system's words when nothing can be locked there. */
  take(path: string, what: string): void {
    const file = `${path}.lock`;
    if (this.#files.has(file)) return;
    const holder = native.lock(file);
    if (holder !== 0)
      throw new AlreadyRunning(`knockd is already running ${what}${holder > 0 ? ` (pid ${holder})` : ""}`);
    this.#files.add(file);
  }

  /** One for each interface that this config is heard at. */
  takeInterfaces(config: string, words: readonly string[]): void {
    makePrivateDirectory(STATE_DIRECTORY);
    for (const word of words) this.take(ledgerPath(config, word), `with ${config} on ${word}`);
  }

  /**
   * Ledgers that daemons with the same config, for other interfaces, have left behind: nobody closes their doors but us.
   * They are ours from now on.
   */
  orphans(config: string, own: string): string[] {
    const [directory, start] = [STATE_DIRECTORY, basename(ledgerPath(config, ""), ".ledger")]; // "etc-knockd.conf@"
    if (!fs.existsSync(directory)) return [];
    return fs
      .readdirSync(directory)
      .filter((file) => file.startsWith(start) && file.endsWith(".ledger"))
      .map((file) => `${directory}/${file}`)
      .filter((path) => path !== own && this.#isFree(path));
  }

  /** Lets go of the files; the locks end with the process. */
  end(): void {
    for (const file of this.#files) fs.rmSync(file, { force: true });
    this.#files.clear();
  }

  #isFree(path: string): boolean {
    try {
      this.take(path, "");
      return true;
    } catch {
      return false; // its owner lives, or nobody can tell
    }
  }
}
