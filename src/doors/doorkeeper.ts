// Runs a door's start command when it opens, and its stop command in its time, for every start command one.

import { type Address, formatAddress, isIpv4, parseAddress } from "../address.ts";
import type { Door } from "../config/door.ts";
import * as lines from "../log/lines.ts";
import { fillIn, type Run } from "./command.ts";
import type { Ledger } from "./ledger.ts";
import { type LedgerEntry, secondsLeft } from "./ledger-entry.ts";
import { Line, Tally } from "./line.ts";

export interface DoorkeeperOptions {
  run: Run;
  /** Calls back after so many seconds of the monotonic clock, unless cancelled. */
  after: (seconds: number, callback: () => void) => { cancel(): void };
  /** Seconds, monotonic. */
  now: () => number;
  tell: {
    /** A line about a door that this knocker opened. */
    event(knocker: Address, line: (who: string) => string): void;
    /** The same, when something failed. */
    failure(knocker: Address, line: (who: string) => string): void;
    /** More of a failure, which standard error has already. */
    aside(knocker: Address, line: (who: string) => string): void;
  };
  ledger: Pick<Ledger, "add" | "move" | "remove" | "save" | "marker" | "isMarked">;
}

/** One door as one knocker has opened it, once or again. */
interface OpenDoor {
  readonly key: string;
  readonly knocker: Address;
  /** Of each start command, what undoes it, in their order. */
  toClose: LedgerEntry[];
  /** When they are due, in seconds of the monotonic clock. */
  due: number;
  timer: { cancel(): void } | undefined;
}

/** Doors that are to be closed again. */
const MOST_OPEN = 65_536;
/** A stop command that could not be started (no process, no memory) is tried again: the door is open. */
const TRY_AGAIN_SECONDS = 5;

export class Doorkeeper {
  readonly #options: DoorkeeperOptions;
  readonly #open = new Map<string, OpenDoor>();
  /** Of each (door, knocker) that is closed again, the last of what runs or is to run there: they never overlap. */
  readonly #queues = new Map<string | symbol, Promise<void>>();
  readonly #line = new Line();
  readonly #leftOut = { merged: new Tally(), refused: new Tally(), full: new Tally() };
  #leaving: "close" | "keep" | undefined;

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
    const ip = formatAddress(knocker);
    const key = keyOf(door.name, ip);
    const open = this.#open.get(key);
    if (open !== undefined && door.policy.reknock === "extend") {
      this.#closeLater(open, door.cmdTimeout);
      this.#options.ledger.save();
      return;
    }
    const place = this.#open.size >= MOST_OPEN ? "full" : this.#line.join(key);
    if (place !== "waits") {
      this.#leaveOut(place, door, knocker);
      return;
    }
    // 0.8 runs any number side by side: only what is to be closed again has an order.
    this.#enqueue(stop ? key : Symbol(key), () =>
      this.#start(door, knocker, key, fillIn(start, ip), stop && fillIn(stop, ip)),
    );
  }

  /** Closes in its time what an earlier life has left open. What is overdue is closed at once. */
  recover(entries: readonly LedgerEntry[]): void {
    for (const entry of entries) {
      const knocker = parseAddress(entry.ip);
      if (this.#options.ledger.isMarked(entry.id) || knocker === undefined) {
        this.#forget(entry.id); // its stop command was started by the one who died
        continue;
      }
      this.#awaitClosing(this.#isOpen(entry, knocker), secondsLeft(entry));
    }
  }

  /** How many doors are open. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * `close`: runs every outstanding stop command now; `keep`: leaves them to the ledger, for the next start. Resolves
   * when no command of ours is left.
   */
  async leave(how: "close" | "keep" = "close"): Promise<void> {
    this.#leaving = how;
    for (const open of this.#open.values()) {
      open.timer?.cancel();
      open.timer = undefined;
      if (how === "close") this.#enqueue(open.key, () => this.#close(open));
    }
    while (this.#queues.size > 0) await Promise.all(this.#queues.values());
  }

  async #start(door: Door, knocker: Address, key: string, start: string, stop: string | undefined): Promise<void> {
    const ip = formatAddress(knocker);
    const { commandTimeout } = door.policy;
    let open: OpenDoor | undefined;
    let entry: LedgerEntry | undefined;
    if (stop) {
      const { ledger } = this.#options;
      entry = ledger.add({ door: door.name, ip, stopCommand: stop, commandTimeout }, door.cmdTimeout);
      const saved = ledger.save();
      if (saved !== undefined) await saved; // before it is open: a crash must not leave it so
      open = this.#isOpen(entry, knocker);
    }
    const ran = await this.#run(door.name, knocker, start, commandTimeout, undefined, () => this.#line.leave(key));
    if (open === undefined || entry === undefined) return;
    if (ran) this.#closeLater(open, door.cmdTimeout);
    else this.#neverOpened(open, entry);
  }

  /** One start command more that is to be undone. */
  #isOpen(entry: LedgerEntry, knocker: Address): OpenDoor {
    const key = keyOf(entry.door, entry.ip);
    const open = this.#open.get(key) ?? { key, knocker, toClose: [], due: this.#options.now(), timer: undefined };
    this.#open.set(key, open);
    open.toClose.push(entry);
    return open;
  }

  /** Its stop command would undo what somebody else has done. */
  #neverOpened(open: OpenDoor, { id }: LedgerEntry): void {
    open.toClose = open.toClose.filter((entry) => entry.id !== id);
    if (open.toClose.length === 0) this.#open.delete(open.key);
    this.#forget(id);
  }

  /** The one pending close, moved to the later time. */
  #closeLater(open: OpenDoor, seconds: number): void {
    if (this.#leaving === "close") this.#enqueue(open.key, () => this.#close(open));
    if (this.#leaving !== undefined) return;
    for (const { id } of open.toClose) this.#options.ledger.move(id, seconds);
    this.#awaitClosing(open, seconds);
  }

  #awaitClosing(open: OpenDoor, seconds: number): void {
    const { after, now, tell } = this.#options;
    const due = now() + seconds;
    if (open.timer !== undefined && due < open.due) return;
    open.due = due;
    open.timer?.cancel();
    open.timer = after(seconds, () => {
      open.timer = undefined;
      this.#enqueue(open.key, async () => {
        if (open.timer !== undefined || open.toClose.length === 0) return; // a start command came in between
        tell.event(open.knocker, (who) => lines.commandTimeout(who, open.toClose[0]!.door));
        await this.#close(open);
      });
    });
  }

  async #close(open: OpenDoor): Promise<void> {
    const entries = open.toClose;
    open.toClose = [];
    this.#open.delete(open.key);
    for (const entry of entries) {
      const { id, door, stopCommand, commandTimeout } = entry;
      const ran = await this.#run(door, open.knocker, stopCommand, commandTimeout, this.#options.ledger.marker(id));
      if (ran) this.#forget(id);
      // In the ledger it is anyway: when we leave, the next life closes it.
      else if (this.#leaving === undefined) this.#awaitClosing(this.#isOpen(entry, open.knocker), TRY_AGAIN_SECONDS);
    }
  }

  #forget(id: number): void {
    this.#options.ledger.remove(id);
    this.#options.ledger.save();
  }

  /** A flood of openings. */
  #leaveOut(how: "merged" | "refused" | "full", { name }: Door, knocker: Address): void {
    const { now, tell } = this.#options;
    this.#leftOut[how].add(now(), (count) =>
      tell.failure(knocker, () => {
        if (how === "full") return lines.tooManyOpen(name, this.#open.size, count);
        return lines.tooManyWait(name, this.#line.length, how, count);
      }),
    );
  }

  /** False when it could not be started. `onTurn` is called when it begins. */
  async #run(
    door: string,
    knocker: Address,
    command: string,
    seconds: number,
    marker?: string,
    onTurn?: () => void,
  ): Promise<boolean> {
    const { run, tell, after } = this.#options;
    const turn = this.#line.turn();
    if (turn !== undefined) await turn;
    onTurn?.();
    tell.event(knocker, () => lines.runningCommand(door, command));
    let limit: { cancel(): void } | undefined;
    try {
      const { status, complaint } = await run(command, marker, (end) => {
        if (seconds === 0) return;
        limit = after(seconds, () => {
          tell.failure(knocker, () => lines.stillRunning(door, seconds));
          end();
        });
      });
      if (status !== 0) tell.failure(knocker, () => lines.commandFailed(door, status));
      if (status !== 0 && complaint !== "") tell.aside(knocker, () => lines.commandComplained(door, complaint));
      return true;
    } catch (error) {
      tell.failure(knocker, () => lines.couldNotRun(door, error as Error));
      return false;
    } finally {
      limit?.cancel();
      this.#line.done();
    }
  }

  /** After all that is to be done for this (door, knocker); at once when that is nothing. */
  #enqueue(key: string | symbol, work: () => Promise<void>): void {
    const before = this.#queues.get(key);
    const done = (before === undefined ? work() : before.then(work)).finally(() => {
      if (this.#queues.get(key) === done) this.#queues.delete(key);
    });
    this.#queues.set(key, done);
  }
}

function keyOf(door: string, ip: string): string {
  return `${ip} ${door}`;
}
