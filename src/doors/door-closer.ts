// Closes open doors: runs their stop commands when their time is over, when a user asks, or when the daemon ends.

import { type Address, parseAddress } from "../net/address.ts";
import type { CommandRunner, CommandRunnerOptions } from "../runner/runner.ts";
import { type LedgerEntry, secondsLeft } from "./ledger-entry.ts";
import type { DoorLedger } from "./null-ledger.ts";
import type { OpenDoor } from "./open-door.ts";
import type { OpenDoors } from "./open-doors.ts";
import type { SerialQueues } from "./serial-queues.ts";

/** If a stop command cannot be started (no process, no memory), the door is still open: try again after this. */
const TRY_AGAIN_SECONDS = 5;

export interface DoorCloserOptions extends Pick<CommandRunnerOptions, "after" | "now" | "onEvent"> {
  readonly ledger: DoorLedger;
  readonly open: OpenDoors;
  readonly queues: SerialQueues;
  readonly runner: CommandRunner;
}

export class DoorCloser {
  readonly #options: DoorCloserOptions;
  #toClose = 0;
  #leaving: "close" | "keep" | undefined;

  constructor(options: DoorCloserOptions) {
    this.#options = options;
  }

  /** The number of stop commands that have not begun. */
  get toClose(): number {
    return this.#toClose;
  }

  /** Records one more start command that a stop command must undo. */
  add(entry: LedgerEntry, knocker: Address): OpenDoor {
    this.#toClose++;
    return this.#options.open.add(entry, knocker);
  }

  /** The start command did not run, so its stop command must not: it would undo what somebody else has done. */
  remove(open: OpenDoor, { id }: LedgerEntry): void {
    open.pendingCloses = open.pendingCloses.filter((entry) => entry.id !== id);
    this.#toClose--;
    if (open.pendingCloses.length === 0) this.#options.open.remove(open);
    this.#forget(id);
  }

  /** Takes over the doors that an earlier daemon has left open. Those that are overdue close at once. */
  recover(entries: readonly LedgerEntry[]): void {
    for (const entry of entries) {
      const knocker = parseAddress(entry.ip);
      if (this.#options.ledger.isMarked(entry.id) || knocker === undefined) {
        this.#forget(entry.id); // the earlier daemon had started its stop command
        continue;
      }
      this.#awaitClosing(this.add(entry, knocker), secondsLeft(entry));
    }
  }

  /** Moves the pending close of this door to `seconds` from now. */
  closeLater(open: OpenDoor, seconds: number): void {
    if (this.#leaving === "close") this.#closeNow(open); // its start command was still running when the daemon began to stop
    if (this.#leaving !== undefined) return;
    this.#move(open, seconds);
    this.#awaitClosing(open, seconds);
  }

  /** `close` queues every outstanding stop command now. `keep` leaves them in the ledger for the next start. */
  leave(how: "close" | "keep"): void {
    this.#leaving = how;
    for (const open of this.#options.open.values()) {
      open.timer?.cancel();
      open.timer = undefined;
      if (how === "close") this.#closeNow(open);
    }
  }

  #closeNow(open: OpenDoor): void {
    this.#move(open, 0); // if we cannot run it, the next start does so at once
    this.#options.queues.enqueue(open.key, () => this.close(open));
  }

  #move(open: OpenDoor, seconds: number): void {
    const ids = open.pendingCloses.map(({ id }) => id);
    this.#options.ledger.move(ids, seconds);
  }

  /** Runs a door's stop commands. Resolves with the first status that is not 0, or undefined if one could not be started. */
  async close(open: OpenDoor): Promise<number | undefined> {
    const { ledger, queues, runner } = this.#options;
    const entries = open.pendingCloses;
    let worst: number | undefined = 0;
    open.pendingCloses = [];
    this.#options.open.remove(open);
    for (const entry of entries) {
      const { id, door, stopCommand: command, commandTimeout, parallel } = entry;
      let begun = false;
      const status = await runner.run({
        door,
        what: "closed",
        knocker: open.knocker,
        command,
        commandTimeout,
        parallel,
        marker: ledger.marker(id),
        onStart: () => {
          begun = true;
          this.#toClose--;
        },
        onLong: () => queues.setLong(open.key, true),
      });
      queues.setLong(open.key, false);
      if (worst === 0) worst = status;
      if (status !== undefined) this.#forget(id);
      // It is still in the ledger: when the daemon ends, the next start closes the door.
      else if (this.#leaving === undefined) this.#awaitClosing(this.add(entry, open.knocker), TRY_AGAIN_SECONDS);
      else if (begun) this.#toClose++;
    }
    return worst;
  }

  #awaitClosing(open: OpenDoor, seconds: number): void {
    const { after, now, onEvent, queues } = this.#options;
    const due = now() + seconds;
    if (open.timer !== undefined && due < open.due) return;
    open.due = due;
    open.timer?.cancel();
    open.timer = after(seconds, () => {
      open.timer = undefined;
      queues.enqueue(open.key, async () => {
        if (open.timer !== undefined || open.pendingCloses.length === 0) return; // a start command came in between
        onEvent({ type: "closing", door: open.door, knocker: open.knocker });
        await this.close(open);
      });
    });
  }

  #forget(id: number): void {
    this.#options.ledger.remove(id);
    this.#options.ledger.save();
  }
}
