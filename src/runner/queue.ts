// The queue of commands. A limited number run at once. Doors take turns, and the sources of a door take turns, so that a
// flood of complete knocks from one source does not delay the others.

import { type Exclusion, exclude } from "./exclusion.ts";
import { SharedLimit } from "./shared-limit.ts";

/** The maximum of running commands. */
const MAX_RUNNING = 64;
/** From this number of running commands on, a source with a running command waits, unless its door has none running. */
const MANY_RUNNING = 48;
/** The maximum of long-running commands beside those. */
const MAX_LONG = 1024;
/** From the first number of waiting openings on, a source that waits already is merged; from the second on, all are refused. */
const [MANY_WAITING, MAX_WAITING] = [1024, 16_384] as const;

/** A command that waits or runs. */
export interface Turn {
  readonly door: string;
  /** Its source: a client address, or the client's IPv6 network. */
  readonly source: string;
  readonly what: "opened" | "closed";
  readonly exclusion: Exclusion;
}

interface Waiting {
  readonly turn: Turn;
  /** False: it never starts. */
  begin: (begins: boolean) => void;
}

/** Waiting commands of a door with the same exclusion, by source, each in its order. The first source is next. */
interface Lane {
  readonly exclusion: Exclusion;
  readonly sources: Map<string, Waiting[]>;
}

interface DoorLine {
  /** The number of the last turn: the door with the lowest is next. */
  served: number;
  readonly lanes: Map<string, Lane>;
}

/** The place of the command whose turn it is. */
interface Place {
  readonly name: string;
  readonly door: DoorLine;
  readonly key: string;
  readonly lane: Lane;
  readonly source: string;
}

export class CommandQueue {
  readonly #doors = new Map<string, DoorLine>();
  readonly #running = new SharedLimit(MAX_RUNNING);
  readonly #long = new SharedLimit(MAX_LONG);
  readonly #sources = new Map<string, number>();
  /** Those that have a place of `running`, and those that exclude others. */
  readonly #placed = new Set<Turn>();
  readonly #excluding = new Set<Turn>();
  /** Those of `placed` that take long, and for which there is no room beside them. */
  readonly #overdue = new Set<Turn>();
  #turns = 0;
  #isClosed = false;
  /** Openings whose command has not begun: whose they are, and how many. */
  readonly #waiting = new Set<string>();
  readonly #openings = new SharedLimit(MAX_WAITING);

  /** The number of waiting openings. */
  get length(): number {
    return this.#openings.total;
  }

  /** Running commands, without the long-running ones. */
  get running(): number {
    return this.#running.total;
  }

  /** One more opening for this (door, knocker): it waits, or is one with the one that waits there already, or is refused. */
  join(door: string, key: string): "waits" | "merged" | "refused" {
    if (this.length >= MANY_WAITING && this.#waiting.has(key)) return "merged";
    if (!this.#openings.hasFor(door)) return "refused";
    this.#waiting.add(key);
    this.#openings.add(door);
    return "waits";
  }

  /** The opening no longer waits. */
  leave(door: string, key: string): void {
    this.#openings.remove(door);
    this.#waiting.delete(key);
  }

  /**
   * Returns undefined if the command may begin at once; otherwise a promise, which resolves to false if it never may. The
   * caller calls `done` when the command has ended.
   */
  acquire(turn: Turn): Promise<boolean> | undefined {
    if (this.#isClosed) return Promise.resolve(false);
    let begun = false;
    const waiting: Waiting = { turn, begin: () => (begun = true) };
    this.#put(waiting);
    this.#serve();
    if (begun) return undefined;
    return new Promise((resolve) => (waiting.begin = resolve));
  }

  /** The command takes long: others get its place and its exclusion. */
  outlast(turn: Turn): void {
    this.#excluding.delete(turn);
    this.#overdue.add(turn);
    this.#moveOverdue();
    this.#serve();
  }

  release(turn: Turn): void {
    this.#excluding.delete(turn);
    this.#overdue.delete(turn);
    if (this.#placed.has(turn)) this.#leavePlace(turn);
    else this.#long.remove(turn.door);
    this.#moveOverdue();
    this.#serve();
  }

  /** Drops these waiting commands. */
  dismiss(what: Turn["what"]): void {
    for (const [name, { lanes }] of this.#doors) {
      for (const [key, { sources }] of lanes) {
        if (!key.startsWith(what)) continue;
        lanes.delete(key);
        for (const waiting of sources.values()) for (const { begin } of waiting) begin(false);
      }
      this.#forgetIdle(name);
    }
    this.#serve();
  }

  /** Starts no further command. */
  close(): void {
    this.#isClosed = true;
    this.dismiss("opened");
    this.dismiss("closed");
  }

  #put(waiting: Waiting): void {
    const { door: name, source, what, exclusion } = waiting.turn;
    const door = this.#doors.get(name) ?? { served: 0, lanes: new Map<string, Lane>() };
    this.#doors.set(name, door);
    const key = `${what} ${typeof exclusion === "string" ? exclusion : exclusion.join("/")}`;
    const lane = door.lanes.get(key) ?? { exclusion, sources: new Map<string, Waiting[]>() };
    door.lanes.set(key, lane);
    const same = lane.sources.get(source);
    if (same === undefined) lane.sources.set(source, [waiting]);
    else same.push(waiting);
  }

  #serve(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) next.begin(true);
  }

  /** Takes the next command from the queue. Undefined if none may begin. */
  #next(): Waiting | undefined {
    if (this.#isClosed || this.#running.total >= MAX_RUNNING) return undefined;
    const reserved: Exclusion[] = []; // those that have waited longer come first
    const doors = [...this.#doors].sort(([, a], [, b]) => a.served - b.served);
    for (const [name, door] of doors) {
      for (const [key, lane] of door.lanes) {
        const source = this.#sourceWithPlace(name, lane);
        if (source === undefined) continue;
        const isFree =
          ![...this.#excluding].some((turn) => exclude(turn.exclusion, lane.exclusion)) &&
          !reserved.some((one) => exclude(one, lane.exclusion));
        if (isFree) return this.#take({ name, door, key, lane, source });
        reserved.push(lane.exclusion);
      }
    }
    return undefined;
  }

  #sourceWithPlace(door: string, { sources }: Lane): string | undefined {
    if (!this.#running.hasFor(door)) return undefined;
    const any = this.#running.total < MANY_RUNNING || this.#running.of(door) === 0;
    for (const source of sources.keys()) if (any || !this.#sources.has(source)) return source;
    return undefined;
  }

  #take({ name, door, key, lane, source }: Place): Waiting {
    const waiting = lane.sources.get(source)!;
    const next = waiting.shift()!;
    lane.sources.delete(source);
    if (waiting.length > 0) lane.sources.set(source, waiting); // behind the others
    door.lanes.delete(key);
    if (lane.sources.size > 0) door.lanes.set(key, lane);
    door.served = ++this.#turns;
    const { turn } = next;
    this.#placed.add(turn);
    this.#running.add(name);
    this.#sources.set(source, (this.#sources.get(source) ?? 0) + 1);
    if (turn.exclusion.length > 0) this.#excluding.add(turn);
    return next;
  }

  #moveOverdue(): void {
    for (const turn of this.#overdue) {
      if (!this.#long.hasFor(turn.door)) continue;
      this.#overdue.delete(turn);
      this.#leavePlace(turn);
      this.#long.add(turn.door);
    }
  }

  #leavePlace(turn: Turn): void {
    this.#placed.delete(turn);
    this.#running.remove(turn.door);
    const left = this.#sources.get(turn.source)! - 1;
    if (left > 0) this.#sources.set(turn.source, left);
    else this.#sources.delete(turn.source);
    this.#forgetIdle(turn.door);
  }

  /** A lane with a running command has had its turn. */
  #forgetIdle(door: string): void {
    if (this.#doors.get(door)?.lanes.size === 0 && this.#running.of(door) === 0) this.#doors.delete(door);
  }
}

/** Reports an event that happens too often at most once per second, with its number. */
export class LogThrottle {
  #count = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** Counts one event at this time in seconds. If it is time to report, calls back with the count since the last report. */
  add(now: number, tell: (count: number) => void): void {
    this.#count++;
    if (now - this.#toldAt < 1) return;
    tell(this.#count);
    this.#count = 0;
    this.#toldAt = now;
  }
}
