// Runs the doors' commands, so many at once (line.ts), ends those that run too long, and tells what becomes of each.

import type { Address } from "../address.ts";
import * as lines from "../log/lines.ts";
import type { Run } from "./command.ts";
import { Line, Tally } from "./line.ts";

export interface ErrandsOptions {
  run: Run;
  /** Calls back after so many seconds of the monotonic clock, unless cancelled. */
  after: (seconds: number, callback: () => void) => { cancel(): void };
  /** Seconds, monotonic. */
  now: () => number;
  tell: {
    /** A line about a door that this knocker opened. */
    event(knocker: Address, door: string, line: (who: string) => string): void;
    /** The same, when something failed. */
    failure(knocker: Address, door: string, line: (who: string) => string): void;
    /** More of a failure, which standard error has already. */
    aside(knocker: Address, door: string, line: (who: string) => string): void;
    /** The start or stop command of a door has ended with this status; undefined: it could not be started. */
    ended(knocker: Address, what: "opened" | "closed", door: string, status: number | undefined): void;
  };
}

export interface Errand {
  /** The name. */
  readonly door: string;
  /** By this command. */
  readonly what: "opened" | "closed";
  readonly knocker: Address;
  readonly command: string;
  /** Seconds after which it is ended; 0: never. */
  readonly commandTimeout: number;
  readonly marker?: string;
  /** It begins. */
  readonly onTurn?: () => void;
}

export class Errands {
  readonly #options: ErrandsOptions;
  readonly #line = new Line();
  readonly #leftOut = { merged: new Tally(), refused: new Tally(), full: new Tally() };

  constructor(options: ErrandsOptions) {
    this.#options = options;
  }

  /** One more opening for this (door, knocker) waits for its turn; false when it is left out, which is told. */
  join(key: string, door: string, knocker: Address): boolean {
    const place = this.#line.join(key);
    if (place === "waits") return true;
    this.leaveOut(place, door, knocker, this.#line.length);
    return false;
  }

  /** Its turn has come. */
  leave(key: string): void {
    this.#line.leave(key);
  }

  /** A flood of openings: one is left out, because of so many that wait, or are open. */
  leaveOut(how: "merged" | "refused" | "full", door: string, knocker: Address, many: number): void {
    const { now, tell } = this.#options;
    this.#leftOut[how].add(now(), (count) =>
      tell.failure(knocker, door, () =>
        how === "full" ? lines.tooManyOpen(door, many, count) : lines.tooManyWait(door, many, how, count),
      ),
    );
  }

  /** Resolves with its status; undefined when it could not be started. */
  async run(errand: Errand): Promise<number | undefined> {
    const status = await this.#run(errand);
    this.#options.tell.ended(errand.knocker, errand.what, errand.door, status);
    return status;
  }

  async #run({ door, knocker, command, commandTimeout, marker, onTurn }: Errand): Promise<number | undefined> {
    const { run, tell, after } = this.#options;
    const turn = this.#line.turn();
    if (turn !== undefined) await turn;
    onTurn?.();
    tell.event(knocker, door, () => lines.runningCommand(door, command));
    let limit: { cancel(): void } | undefined;
    try {
      const { status, complaint } = await run(command, marker, (end) => {
        if (commandTimeout === 0) return;
        limit = after(commandTimeout, () => {
          tell.failure(knocker, door, () => lines.stillRunning(door, commandTimeout));
          end();
        });
      });
      if (status !== 0) tell.failure(knocker, door, () => lines.commandFailed(door, status));
      if (status !== 0 && complaint !== "") tell.aside(knocker, door, () => lines.commandComplained(door, complaint));
      return status;
    } catch (error) {
      tell.failure(knocker, door, () => lines.couldNotRun(door, error as Error));
      return undefined;
    } finally {
      limit?.cancel();
      this.#line.done();
    }
  }
}
