// The doors of one daemon: who may keep them, what an earlier life has left open, and their doorkeeper.

import { performance } from "node:perf_hooks";
import type { Settings } from "../config/options.ts";
import { leftOpen } from "../log/lines.ts";
import type { Log } from "../log/log.ts";
import { realPath } from "../real-path.ts";
import { after } from "../timer.ts";
import { AlreadyRunning, Claims } from "./claims.ts";
import { run } from "./command.ts";
import { Doorkeeper, type DoorkeeperOptions } from "./doorkeeper.ts";
import { Ledger, ledgerPath } from "./ledger.ts";

export class House {
  readonly #config: string;
  readonly #log: Log;
  readonly #tell: DoorkeeperOptions["tell"];
  readonly #claims = new Claims();
  #ledger: Ledger | undefined;
  /** The interfaces that the ledger is named for. */
  #ledgersWords: readonly string[] = [];
  #doorkeeper: Doorkeeper | undefined;

  /** `config` is the path of the config file. */
  constructor(config: string, log: Log, tell: DoorkeeperOptions["tell"]) {
    this.#config = realPath(config);
    this.#log = log;
    this.#tell = tell;
  }

  /** Throws AlreadyRunning when another daemon keeps these doors, at one of these interfaces (interfaces.ts). */
  claim({ stateFile, pidFile }: Settings, words: readonly string[], background: boolean): void {
    const path = stateFile ?? ledgerPath(this.#config, words.join(","));
    try {
      this.#claims.takeInterfaces(this.#config, words);
      if (this.#ledger === undefined) this.#claims.take(path, `with the ledger ${path}`);
      if (background) this.#claims.take(pidFile, `with the pid file ${pidFile}`);
    } catch (error) {
      if (error instanceof AlreadyRunning) throw error;
      this.#log.note(`can't make sure that no other knockd runs: ${(error as Error).message}`);
    }
    if (this.#ledger !== undefined) return;
    this.#ledger = new Ledger(path, (why) => this.#log.error(why));
    if (words.length === 1) this.#ledgersWords = words;
  }

  /** Of what was claimed for interfaces, keeps what these words need. The ledger stays where it is. */
  listensAt(words: readonly string[]): void {
    this.#claims.keepInterfaces(this.#config, [...words, ...this.#ledgersWords]);
  }

  /** The doorkeeper, who the first time begins with what an earlier life has left open. After `claim`. */
  get doorkeeper(): Doorkeeper {
    if (this.#doorkeeper !== undefined) return this.#doorkeeper;
    const ledger = this.#ledger!;
    const keeper = new Doorkeeper({ run, after, now: () => performance.now() / 1000, ledger, tell: this.#tell });
    this.#doorkeeper = keeper;
    const left = [...ledger.takeOver()];
    this.#claims.adoptOrphans(this.#config, ledger.path, (orphan) => left.push(...ledger.adopt(orphan)));
    keeper.recover(left);
    if (keeper.size > 0) this.#log.info(leftOpen(keeper.size));
    return keeper;
  }

  /** Closes what is open, or leaves it to the next life; resolves when that is done, or after `mostSeconds`. */
  async leave(how: "close" | "keep", mostSeconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const limit = after(mostSeconds, () => {
        this.#log.warn(`a command has not ended after ${mostSeconds} seconds, and is left to itself`);
        resolve();
      });
      const left = this.#doorkeeper?.leave(how) ?? Promise.resolve();
      void left.then(() => {
        limit.cancel();
        resolve();
      });
    });
    this.#ledger?.flush();
    this.#claims.end();
  }

  /** Lets others have it: it has not come to a start. */
  giveUp(): void {
    this.#claims.end();
  }
}
