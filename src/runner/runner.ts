// Runs the doors' commands, a limited number at once (queue.ts), kills those that run too long, and reports each result.

import type { DoorEvent } from "../events/door-event.ts";
import { type Address, formatAddress, isIpv4 } from "../net/address.ts";
import type { CommandEnd, Run } from "./command.ts";
import { type Exclusion, exclusionOf } from "./exclusion.ts";
import { CommandQueue, LogThrottle, type Turn } from "./queue.ts";
import { ScriptTools } from "./script-tools.ts";

/** A command that runs longer is reported, and others no longer wait for it. */
export const LONG_SECONDS = 60;

export interface CommandRunnerOptions {
  run: Run;
  /** Calls back after this many seconds of the monotonic clock, unless cancelled. */
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
  /** Seconds after which it is killed. 0: never. */
  readonly commandTimeout: number;
  /** May it run beside others? Undefined: its programs decide (exclusion.ts). */
  readonly parallel: boolean | undefined;
  readonly marker?: string;
  /** Called when it begins. */
  readonly onStart?: () => void;
  /** Called when it takes long. */
  readonly onLong?: () => void;
}

type CommandOfDoor = Pick<Job, "command" | "door" | "parallel">;

/** A thousand doors would take a quarter of a second. */
const PREPARED_AT_ONCE = 4;

export class CommandRunner {
  readonly #options: CommandRunnerOptions;
  readonly #queue = new CommandQueue();
  readonly #scriptTools = new ScriptTools();
  #toPrepare: Iterator<CommandOfDoor> | undefined;
  /** Commands that have ended. */
  ended = 0;
  readonly #dropped = { merged: new LogThrottle(), refused: new LogThrottle(), full: new LogThrottle() };

  constructor(options: CommandRunnerOptions) {
    this.#options = options;
  }

  /**
   * Finds out which of these commands may run side by side, so that the answer is there when they run. Does little at a time,
   * because packets wait meanwhile. The jobs of the last call count.
   */
  prepare(jobs: Iterable<CommandOfDoor>): void {
    const isUnderWay = this.#toPrepare !== undefined;
    this.#toPrepare = jobs[Symbol.iterator]();
    if (!isUnderWay) this.#prepareSome();
  }

  #prepareSome(): void {
    this.#options.after(0.001, () => {
      for (let i = 0; i < PREPARED_AT_ONCE; i++) {
        const next = this.#toPrepare!.next();
        if (next.done) {
          this.#toPrepare = undefined;
          return;
        }
        this.#exclusionOf(next.value);
      }
      this.#prepareSome();
    });
  }

  /** Admits one more opening for this door and client to the queue. Returns false, and reports it, if it is left out. */
  admit(key: string, door: string, knocker: Address): boolean {
    const place = this.#queue.join(door, key);
    if (place === "waits") return true;
    this.countDropped(place, door, knocker, this.#queue.length);
    return false;
  }

  /** The opening got its turn. */
  started(key: string, door: string): void {
    this.#queue.leave(door, key);
  }

  /** Running commands, without the long-running ones. */
  get running(): number {
    return this.#queue.running;
  }

  /** Starts no further start command; waiting openings are dropped. */
  openNoMore(): void {
    this.#queue.dismiss("opened");
  }

  /** Starts no further command. */
  close(): void {
    this.#queue.close();
  }

  /** Reports an opening that is left out because too many wait or are open. */
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

  /** Resolves with the exit status. Undefined if it could not be started, or if its turn never comes. */
  async run(job: Job): Promise<number | undefined> {
    const { door, what, knocker, onStart } = job;
    const turn = { door, source: sourceOf(knocker), what, exclusion: this.#exclusionOf(job) };
    const waits = this.#queue.acquire(turn);
    if (waits !== undefined && !(await waits)) return undefined;
    onStart?.();
    const status = await this.#run(job, turn);
    this.ended++;
    this.#options.onEvent({ type: "command ended", door, knocker, what, status });
    return status;
  }

  #exclusionOf({ command, door, parallel }: CommandOfDoor): Exclusion {
    return exclusionOf(command, door, parallel, (program) => this.#scriptTools.of(program, this.#options.now()));
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

  /** Reports and later kills a command that does not end. */
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

/** The source of a client. One IPv6 client has a whole network of addresses. */
function sourceOf(knocker: Address): string {
  return isIpv4(knocker) ? formatAddress(knocker) : `${knocker.w0} ${knocker.w1}`;
}
