// The doors of one daemon: the locks that make it the only one, what an earlier daemon has left open, and the openers.

import { readlinkSync } from "node:fs";
import { performance } from "node:perf_hooks";
import type { Config, Door } from "../config/door.ts";
import type { Settings } from "../config/settings.ts";
import type { DoorNotice } from "../events/door-event.ts";
import type { DoorOpener } from "../events/door-opener.ts";
import { Firewall } from "../firewall/firewall.ts";
import { GateRecord } from "../firewall/gate-record.ts";
import { configIdentity } from "../platform/config-identity.ts";
import { native } from "../platform/native.ts";
import { realPath } from "../platform/real-path.ts";
import { ledgerPath, STATE_DIRECTORY } from "../platform/state-directory.ts";
import { after } from "../platform/timer.ts";
import { run } from "../runner/command.ts";
import { AllDoors } from "./all-doors.ts";
import { Doorkeeper, type DoorkeeperOptions } from "./doorkeeper.ts";
import { AlreadyRunning, InstanceLocks } from "./instance-locks.ts";
import { KernelDoors } from "./kernel-doors.ts";
import { Ledger } from "./ledger.ts";

/** How long to wait for commands when the daemon ends. */
export interface Patience {
  /** Give up after this many seconds in which no command has ended. */
  readonly idle: number;
  /** Give up after this many seconds in all. */
  readonly most: number;
}

/** The user who starts a second daemon usually has a second interface. */
function advice(second: string): string {
  return `One knockd listens on several interfaces: knockd -i eth0,wlan0. A second knockd needs ${second}.`;
}

export class DoorService {
  readonly #config: string;
  readonly #onEvent: DoorkeeperOptions["onEvent"];
  readonly #onNotice: (notice: DoorNotice) => void;
  readonly #locks = new InstanceLocks();
  #ledger: Ledger | undefined;
  /** The interface words in the name of the ledger's file. */
  #ledgersWords: readonly string[] = [];
  #doorkeeper: Doorkeeper | undefined;
  #doors: AllDoors | undefined;
  readonly #kernelDoors: KernelDoors;

  /** `config` is the path of the config file. */
  constructor(config: string, onEvent: DoorkeeperOptions["onEvent"], onNotice: (notice: DoorNotice) => void) {
    this.#config = realPath(config);
    this.#onEvent = onEvent;
    this.#onNotice = onNotice;
    const now = () => performance.now() / 1000;
    const firewall = new Firewall({
      openSocket: () => new native.NftSocket(),
      watch: (onChange) => new native.NftWatch(onChange),
      now,
      config: configIdentity(config),
      record: new GateRecord(config),
      onTrouble: (type, reason) => onNotice({ type, reason }),
      onRestored: (open, reason) =>
        onNotice(reason === undefined ? { type: "firewall rebuilt", open } : { type: "firewall gone", reason }),
      lockTable: () => this.#lockTable(),
    });
    this.#kernelDoors = new KernelDoors({
      firewall,
      onEvent,
      onFailure: (reason) => onNotice({ type: "firewall not closed", reason }),
      after,
      now,
    });
  }

  /**
   * Throws AlreadyRunning if another daemon runs with this config at one of these interfaces (interfaces.ts).
   * `isStateless`: no state can be written, and the caller has already logged that where it matters.
   */
  claim({ stateFile, pidFile }: Settings, patterns: readonly string[], background: boolean, isStateless = false): void {
    const path = stateFile ?? ledgerPath(this.#config, patterns.join(","));
    try {
      this.#locks.acquireInterfaces(this.#config, patterns);
      if (this.#ledger === undefined)
        this.#locks.acquire(path, `with the ledger ${path}`, advice("a StateFile of its own, in its config"));
      if (background)
        this.#locks.acquire(
          pidFile,
          `with the pid file ${pidFile}`,
          advice("its own PidFile in its config, or else -p"),
        );
    } catch (error) {
      if (error instanceof AlreadyRunning) throw error;
      if (!isStateless) this.#onNotice({ type: "no locks", reason: (error as Error).message });
    }
    if (this.#ledger !== undefined) return;
    this.#ledger = new Ledger(path, (reason) => {
      if (!isStateless) this.#onNotice({ type: "ledger trouble", reason });
    });
    if (patterns.length === 1) this.#ledgersWords = patterns;
  }

  /** If the kernel cannot give the table an owner, a lock keeps other daemons of this network namespace away from it. */
  #lockTable(): void {
    const namespace = /\d+/.exec(readlinkSync("/proc/self/ns/net"))?.[0] ?? "";
    const second = advice("a config in which no door has `open`");
    this.#noteNoLock(
      this.#locks.tryAcquire(`${STATE_DIRECTORY}/gate@${namespace}`, "with the table inet knockd", second),
    );
  }

  /** Throws AlreadyRunning if another daemon records used codes in this file: a code would count at both. */
  claimClients(path: string): void {
    const second = advice("a ClientsState of its own, in its config");
    this.#noteNoLock(this.#locks.tryAcquire(path, `with the clients' state ${path}`, second));
  }

  /** A daemon that can keep no lock runs anyway. */
  #noteNoLock(reason: string | undefined): void {
    if (reason !== undefined) this.#onNotice({ type: "no locks", reason });
  }

  /** Releases the locks of all other interfaces. The ledger stays where it is. */
  keepInterfaces(patterns: readonly string[]): void {
    this.#locks.keepInterfaces(this.#config, [...patterns, ...this.#ledgersWords]);
  }

  /** Opens and closes doors. Call `start` first. */
  get doors(): DoorOpener {
    return this.#doors!;
  }

  /** Gives the kernel what built-in doors need. Throws FirewallError; then nothing has changed. */
  apply({ doors, options, isBlank }: Pick<Config, "doors" | "options" | "isBlank">): void {
    // An empty file is most likely a lost config. That is no reason to open the ports.
    if (isBlank && this.#kernelDoors.hasTable) this.#onNotice({ type: "gate kept" });
    else this.#kernelDoors.apply(doors, options.firewall);
  }

  /** The number of commands that run now or must still close a door. Call `start` first. */
  get commandsToRun(): number {
    const { running, toClose } = this.#doorkeeper!.progress;
    return running + toClose;
  }

  /** For `knockctl gate`: opens or closes the gate until the next `apply`. False without a gate. Throws FirewallError. */
  guard(isClosed: boolean): boolean {
    if (!this.#kernelDoors.guard(isClosed)) return false;
    this.#onNotice({ type: isClosed ? "gate closed" : "gate opened" });
    return true;
  }

  /** Opens these doors from now on. The first call takes over the doors that earlier daemons left open. Call `claim` first. */
  start(doors: readonly Door[]): void {
    if (this.#doorkeeper === undefined) this.#takeOver();
    this.#doorkeeper!.prepare(doors);
  }

  #takeOver(): void {
    const ledger = this.#ledger!;
    const doorkeeper = new Doorkeeper({
      run,
      after,
      now: () => performance.now() / 1000,
      ledger,
      onEvent: this.#onEvent,
    });
    this.#doorkeeper = doorkeeper;
    this.#doors = new AllDoors(this.#kernelDoors, doorkeeper, this.#onEvent);
    const left = [...ledger.load()];
    this.#locks.adoptOrphans(this.#config, ledger.path, (orphan) => left.push(...ledger.merge(orphan)));
    doorkeeper.recover(left);
    const { size } = this.#doors;
    if (size > 0) this.#onNotice({ type: "left open", doors: size });
  }

  /** Closes the open doors, or leaves them to the next start. Resolves when that is done, or when `patience` has run out. */
  async shutdown(how: "close" | "keep", patience: Patience): Promise<void> {
    const doorkeeper = this.#doorkeeper;
    this.#kernelDoors.leave(how);
    if (doorkeeper !== undefined) {
      const left = doorkeeper.leave(how).then(() => this.#ledger?.flush());
      await this.#inTime(doorkeeper, left, patience);
      doorkeeper.giveUp();
      await this.#ledger?.save();
      const { toClose } = doorkeeper.progress;
      if (how === "close" && toClose > 0) this.#onNotice({ type: "left to next start", commands: toClose });
    }
    this.#locks.end();
  }

  #inTime(doorkeeper: Doorkeeper, left: Promise<void>, { idle, most }: Patience): Promise<void> {
    return new Promise((resolve) => {
      const end = performance.now() / 1000 + most;
      const wait = (before: number, seconds: number): { cancel(): void } =>
        after(seconds, () => {
          const { ended, running } = doorkeeper.progress;
          const rest = end - performance.now() / 1000;
          if (ended > before && rest > 0) {
            limit = wait(ended, Math.min(idle, rest));
            return;
          }
          const idleSeconds = ended > before ? undefined : idle;
          if (running > 0) this.#onNotice({ type: "command abandoned", idleSeconds });
          resolve();
        });
      let limit = wait(doorkeeper.progress.ended, Math.min(idle, most));
      void left.then(() => {
        limit.cancel();
        resolve();
      });
    });
  }

  /** The start has failed: releases every lock, so that another daemon can start. */
  releaseAll(): void {
    this.#kernelDoors.leave("keep");
    this.#locks.end();
  }
}
