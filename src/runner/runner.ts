// Runs the doors' commands, so many at once (queue.ts), ends those that run too long, and tells what becomes of each.

import type { DoorEvent } from "../events/door-event.ts";
import { type Address, formatAddress, isIpv4 } from "../net/address.ts";
import type { CommandEnd, Run } from "./command.ts";
import { exclusionOf } from "./exclusion.ts";
import { CommandQueue, LogThrottle, type Turn } from "./queue.ts";

/** A command that runs longer is told, and nobody waits for it any more. */
export const LONG_SECONDS = 60;

export interface CommandRunnerOptions {
  run: Run;
  /** Calls back after so many seconds of the monotonic clock, unless cancelled. */
  after: (seconds: number, callback: () => void) => { cancel(): void };
  /** Seconds, monotonic. */
  now: () => number;
  onEvent: (event: DoorEvent) => void;
}

export interface Job {
  /** The name. */
  readonly door: string;
  /** By this command. */
  readonly what: "opened" | "closed";
  readonly knocker: Address;
  readonly command: string;
  /** Seconds after which it is ended; 0: never. */
  readonly commandTimeout: number;
  /** May it run beside others? Undefined: it goes by its programs (exclusion.ts). */
  readonly parallel: boolean | undefined;
  readonly marker?: string;
  /** It begins. */
  readonly onStart?: () => void;
  /** It takes long. */
  readonly onLong?: () => void;
}

export class CommandRunner {
  readonly #options: CommandRunnerOptions;
  readonly #queue = new CommandQueue();
  /** Commands that have ended. */
  ended = 0;
  readonly #dropped = { merged: new LogThrottle(), refused: new LogThrottle(), full: new LogThrottle() };

  constructor(options: CommandRunnerOptions) {
    this.#options = options;
  }

  /** One more opening for this (door, knocker) waits for its turn; false when it is left out, which is told. */
  admit(key: string, door: string, knocker: Address): boolean {
    const place = this.#queue.join(door, key);
    if (place === "waits") return true;
    this.countDropped(place, door, knocker, this.#queue.length);
    return false;
  }

  /** Its turn has come. */
  started(key: string, door: string): void {
    this.#queue.leave(door, key);
  }

  /** Commands that run, other than those that take long. */
  get running(): number {
    return this.#queue.running;
  }

  /** Doors that wait for their turn stay as they are: no start command begins any more. */
  openNoMore(): void {
    this.#queue.dismiss("opened");
  }

  /** No command begins any more. */
  close(): void {
    this.#queue.close();
  }

  /** A flood of openings: one is left out, because of so many that wait, or are open. */
  countDropped(how: "merged" | "refused" | "full", door: string, knocker: Address, many: number): void {
    const { now, onEvent } = this.#options;
    this.#dropped[how].add(now(), (count) =>
      onEvent(
        how === "full"
          ? { type: how, door, knocker, open: many, count }
          : { type: how, door, knocker, waiting: many, count },
      ),
    );
  }

  /** Resolves with its status; undefined when it could not be started, or its turn never comes. */
  async run(job: Job): Promise<number | undefined> {
    const { door, what, knocker, command, parallel, onStart } = job;
    const turn = { door, source: sourceOf(knocker), what, exclusion: exclusionOf(command, door, parallel) };
    const waits = this.#queue.acquire(turn);
    if (waits !== undefined && !(await waits)) return undefined;
    onStart?.();
    const status = await this.#run(job, turn);
    this.ended++;
    this.#options.onEvent({ type: "command ended", door, knocker, what, status });
    return status;
  }

  async #run(job: Job, turn: Turn): Promise<number | undefined> {
    const { door, knocker, command, marker } = job;
    const { run, onEvent } = this.#options;
    onEvent({ type: "command started", door, knocker, command });
    const timers: { cancel(): void }[] = [];
    let ended: CommandEnd;
    try {
      ended = await run(command, marker, (end) => timers.push(...this.#limits(job, turn, end)));
    } catch (error) {
      onEvent({ type: "command not started", door, knocker, reason: (error as Error).message });
      return undefined;
    } finally {
      for (const timer of timers) timer.cancel();
      this.#queue.release(turn);
    }
    const { status, stderrHead } = ended;
    if (status !== 0) onEvent({ type: "command failed", door, knocker, status });
    if (status !== 0 && stderrHead !== "") onEvent({ type: "command stderr", door, knocker, text: stderrHead });
    return status;
  }

  /** What happens to a command that does not end. */
  *#limits({ door, knocker, commandTimeout, onLong }: Job, turn: Turn, end: () => void): Iterable<{ cancel(): void }> {
    const { onEvent, after } = this.#options;
    if (commandTimeout !== 0) {
      yield after(commandTimeout, () => {
        onEvent({ type: "command killed", door, knocker, seconds: commandTimeout });
        end();
      });
      if (commandTimeout <= LONG_SECONDS) return;
    }
    yield after(LONG_SECONDS, () => {
      onEvent({ type: "command takes long", door, knocker, seconds: LONG_SECONDS });
      this.#queue.outlast(turn);
      onLong?.();
    });
  }
}

/** Whoever has an IPv6 address has a network of them. */
function sourceOf(knocker: Address): string {
  return isIpv4(knocker) ? formatAddress(knocker) : `${knocker.w0} ${knocker.w1}`;
}
