// Runs a door's start command when the door opens. door-closer.ts runs the stop command of each start command in time.

import type { Door } from "../config/door.ts";
import { commandsOf } from "../config/door-commands.ts";
import type { DoorOpener } from "../events/door-opener.ts";
import {
  type CommandOutcome,
  type DoorRefusal,
  NO_COMMAND,
  NOT_OPEN,
  type OpenDoorInfo,
} from "../events/door-outcome.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { substituteAddress } from "../runner/command.ts";
import { CommandRunner, type CommandRunnerOptions } from "../runner/runner.ts";
import { DoorCloser } from "./door-closer.ts";
import type { LedgerEntry } from "./ledger-entry.ts";
import type { DoorLedger } from "./null-ledger.ts";
import { isFull, keyOf, MAX_OF_ONE, type OpenDoor } from "./open-door.ts";
import { OpenDoors } from "./open-doors.ts";
import { type QueueKey, SerialQueues } from "./serial-queues.ts";

export interface DoorkeeperOptions extends CommandRunnerOptions {
  ledger: DoorLedger;
}

/** The largest number of outstanding stop commands. open-doors.ts limits doors, and one door may have 64 of them. */
const MAX_TO_CLOSE = 262_144;

/** One function for all openings, so that none is made for each. */
function ignoreOutcome(): void {}

export class Doorkeeper implements DoorOpener {
  readonly #options: DoorkeeperOptions;
  readonly #open: OpenDoors;
  /** One queue for each (door, client) of doors that close again. */
  readonly #queues = new SerialQueues();
  readonly #runner: CommandRunner;
  readonly #closer: DoorCloser;

  constructor(options: DoorkeeperOptions) {
    this.#options = options;
    this.#open = new OpenDoors(options.now);
    this.#runner = new CommandRunner(options);
    const { after, now, onEvent, ledger } = options;
    const [open, queues, runner] = [this.#open, this.#queues, this.#runner];
    this.#closer = new DoorCloser({ after, now, onEvent, ledger, open, queues, runner });
  }

  /** These doors are the ones in force now. */
  prepare(doors: readonly Door[]): void {
    this.#runner.prepare(commandsIn(doors));
  }

  /** Doors with commands cannot open at once. */
  letIn(): undefined {}

  /**
   * Opens a door: runs the start command now, and the stop command `cmdTimeout` seconds after its end, each for the client's
   * address family. As in 0.8, a door without a start command has no stop command either. Returns before a command ends.
   */
  open(door: Door, knocker: Address, onDone: (outcome: CommandOutcome) => void = ignoreOutcome): void {
    const { start, stop } = commandsOf(door, knocker);
    if (!start) {
      onDone(NO_COMMAND);
      return;
    }
    const ip = formatAddress(knocker);
    const key = keyOf(door.name, ip);
    const open = this.#open.get(key);
    if (open !== undefined && (door.policy.reknock === "extend" || (stop && isFull(open)))) {
      this.#extend(open, door.cmdTimeout);
      onDone({ status: 0 });
      return;
    }
    if (!this.#open.hasRoomFor(door.name) || this.#closer.toClose >= MAX_TO_CLOSE) {
      this.#runner.countDropped("full", door.name, knocker, this.#open.size);
      onDone({ refused: "too many doors are open" });
      return;
    }
    if (!this.#runner.admit(key, door.name, knocker)) {
      onDone({ refused: "too many commands are waiting" });
      return;
    }
    // As in 0.8, start commands run side by side. Only a door that closes again needs an order of its commands.
    const queue = stop ? key : Symbol(key);
    this.#queues.enqueue(queue, async () => {
      const commands = {
        start: substituteAddress(start, ip),
        stop: stop && substituteAddress(stop, ip),
      };
      onDone({ status: await this.#start(door, knocker, queue, commands) });
    });
  }

  /** Opens a door as a knock does, because a user asks. */
  openByHand(door: Door, knocker: Address): Promise<CommandOutcome> {
    if (!commandsOf(door, knocker).start) return Promise.resolve(NO_COMMAND);
    this.#options.onEvent({ type: "opened by hand", door: door.name, knocker });
    return new Promise((resolve) => this.open(door, knocker, resolve));
  }

  /** Closes a door now, as its timeout would. */
  closeByHand(door: string, knocker: Address): Promise<CommandOutcome> {
    const open = this.#open.get(keyOf(door, formatAddress(knocker)));
    if (open === undefined) return Promise.resolve(NOT_OPEN);
    this.#options.onEvent({ type: "closed by hand", door, knocker });
    return new Promise((resolve) =>
      this.#queues.enqueue(open.key, async () => {
        open.timer?.cancel();
        open.timer = undefined;
        resolve(open.pendingCloses.length === 0 ? NOT_OPEN : { status: await this.#closer.close(open) });
      }),
    );
  }

  /** Closes a door later. Resolves with the seconds that are left, once the change is on the disk. */
  async extendByHand(door: string, knocker: Address, seconds: number): Promise<number | DoorRefusal> {
    const open = this.#open.get(keyOf(door, formatAddress(knocker)));
    if (open === undefined) return NOT_OPEN;
    if (open.timer === undefined) return { refused: "it is being opened or closed right now" };
    const left = Math.max(0, open.due - this.#options.now()) + seconds;
    this.#options.onEvent({ type: "extended by hand", door, knocker, seconds });
    this.#closer.closeLater(open, left);
    await this.#options.ledger.save();
    return left;
  }

  /** Takes over the doors that an earlier daemon has left open. Those that are overdue close at once. */
  recover(entries: readonly LedgerEntry[]): void {
    this.#closer.recover(entries);
  }

  /** The number of open doors. */
  get size(): number {
    return this.#open.size;
  }

  /** Each door that will be closed again, and its client. */
  openDoors(): Iterable<OpenDoorInfo> {
    return this.#open.standing();
  }

  /**
   * `close` runs every outstanding stop command now. `keep` leaves them in the ledger for the next start. Openings that wait
   * are dropped. Resolves when no command runs any more, except those that take long.
   */
  async leave(how: "close" | "keep" = "close"): Promise<void> {
    this.#runner.openNoMore();
    this.#closer.leave(how);
    await this.#queues.drain();
  }

  /** Starts no further command. Doors that are still open are in the ledger. */
  giveUp(): void {
    this.#runner.close();
  }

  /** The numbers of commands that have ended, that run (without those that take long), and of stop commands still to run. */
  get progress(): { readonly ended: number; readonly running: number; readonly toClose: number } {
    return { ended: this.#runner.ended, running: this.#runner.running, toClose: this.#closer.toClose };
  }

  async #start(
    door: Door,
    knocker: Address,
    queue: QueueKey,
    { start, stop }: { readonly start: string; readonly stop: string | undefined },
  ): Promise<number | undefined> {
    const ip = formatAddress(knocker);
    const key = keyOf(door.name, ip);
    const { commandTimeout, parallel } = door.policy;
    let open: OpenDoor | undefined;
    let entry: LedgerEntry | undefined;
    const before = this.#open.get(key);
    if (stop && before !== undefined && isFull(before)) {
      this.#runner.started(key, door.name);
      this.#extend(before, door.cmdTimeout);
      return 0;
    }
    if (stop) {
      const { ledger } = this.#options;
      entry = ledger.add({ door: door.name, ip, stopCommand: stop, commandTimeout, parallel }, door.cmdTimeout);
      const saved = ledger.save();
      if (saved !== undefined) await saved; // before the door opens: a crash must not leave it open
      open = this.#closer.add(entry, knocker);
    }
    const status = await this.#runner.run({
      door: door.name,
      what: "opened",
      knocker,
      command: start,
      commandTimeout,
      parallel,
      onStart: () => this.#runner.started(key, door.name),
      onLong: () => this.#queues.setLong(queue, true),
    });
    this.#queues.setLong(queue, false);
    if (open === undefined || entry === undefined) return status;
    if (status !== undefined) this.#closer.closeLater(open, door.cmdTimeout);
    else this.#closer.remove(open, entry);
    return status;
  }

  /** Another knock at an open door: runs no command, but gives it more time. */
  #extend(open: OpenDoor, seconds: number): void {
    if (isFull(open) && !open.isTold) {
      open.isTold = true;
      this.#options.onEvent({ type: "opened often", door: open.door, knocker: open.knocker, times: MAX_OF_ONE });
    }
    this.#closer.closeLater(open, seconds);
  }
}

function* commandsIn(doors: readonly Door[]) {
  for (const { name, policy, startCommand, stopCommand, startCommand6, stopCommand6 } of doors)
    for (const command of [startCommand, stopCommand, startCommand6, stopCommand6])
      if (command) yield { door: name, command, parallel: policy.parallel };
}
