// Logs what happens at the doors, with host names if -l is given, and limits the lines of a flood.

import { daemonEventOf } from "../events/daemon-event.ts";
import type { DoorEvent, DoorNotice } from "../events/door-event.ts";
import type { DoorRef, KnockEvent } from "../events/knock-event.ts";
import { type Address, formatAddress, isLinkLocal, sameAddress } from "../net/address.ts";
import { after } from "../platform/timer.ts";
import { Counters } from "./counters.ts";
import { EventStream } from "./event-stream.ts";
import type { Log, Logger } from "./logger.ts";
import { doorEventLine, eventLine, heldBack, linkLocalLine, noticeLine } from "./messages.ts";
import { RateLimiter } from "./rate-limiter.ts";
import type { ReverseDns } from "./reverse-dns.ts";

/** The part of the logger that this file needs. */
export type Book = Pick<Logger, "tellsEvents" | "event"> & {
  readonly log: Pick<Log, "info" | "warn" | "error" | "note">;
};

/** Failures are warnings. `note` skips standard error, because the command has already written its text there. */
const LEVELS = {
  "command started": "info",
  "command not started": "warn",
  "command failed": "warn",
  "command stderr": "note",
  "command takes long": "warn",
  "command killed": "warn",
  closing: "info",
  opened: "info",
  extended: "info",
  "not opened": "warn",
  closed: "info",
  "opened by hand": "info",
  "closed by hand": "info",
  "extended by hand": "info",
  "opened often": "info",
  merged: "warn",
  refused: "warn",
  full: "warn",
} as const satisfies Record<Exclude<DoorEvent["type"], "command ended">, string>;

const NOTICE_LEVELS = {
  "code not kept": "error",
  "clients trouble": "error",
  "left open": "info",
  "left to next start": "warn",
  "command abandoned": "warn",
  "ledger trouble": "error",
  "firewall rebuilt": "warn",
  "firewall gone": "error",
  "gate not recorded": "warn",
  "old table stays": "error",
  "gate kept": "error",
  "gate opened": "warn",
  "gate closed": "warn",
  "firewall not closed": "error",
  "no locks": "note",
  "sequences used up": "info",
  "sequences file warning": "warn",
  "use not on disk": "warn",
  "not struck out": "error",
} as const satisfies Record<DoorNotice["type"], string>;

interface Known {
  readonly knocker: Address;
  readonly text: string;
  /** The lines of a door by stage. Index 0 is the opening. */
  readonly lines: Map<DoorRef, string[]>;
}

export class EventLog {
  /** Subscribers get the events that the log gets. */
  readonly watch: EventStream;
  readonly counts = new Counters();
  readonly #logger: Book;
  readonly #reverseDns: ReverseDns | undefined;
  readonly #now: () => number;
  readonly #after: typeof after;
  readonly #limit = new RateLimiter();
  /** A cache: most lines come in groups of three or four from one client. */
  #last: Known | undefined;
  /** Runs only while there are lines held back. */
  #timer: { cancel(): void } | undefined;

  /** `reverseDns` only with -l. `now` in milliseconds, monotonic. `by` makes timers of the same clock. */
  constructor(logger: Book, reverseDns: ReverseDns | undefined, now: () => number, by: typeof after = after) {
    this.#logger = logger;
    this.#reverseDns = reverseDns;
    this.#now = now;
    this.#after = by;
    this.watch = new EventStream(now);
  }

  event(event: KnockEvent, at: number): void {
    this.counts.event(event);
    if (!this.#logger.tellsEvents && !this.watch.isWatched) return; // nobody would read the text
    this.#tellHeldBack(at);
    const verdict = this.#limit.decide(event, at);
    if (verdict === "hold") {
      this.#awaitHeldBack(at);
      return;
    }
    if (verdict === "tell with Stage 1" && event.type !== "scan") {
      this.#tellEvent({ type: "stage", door: event.door, knocker: event.knocker, stage: 1 }, at);
    }
    this.#tellEvent(event, at);
  }

  /** Logs what happens at an open door. */
  readonly doorEvent = (event: DoorEvent): void => {
    const { door, knocker } = event;
    if (event.type === "command ended") {
      const { what, status } = event;
      if (status !== 0) this.counts.commandsFailed++;
      this.watch.tell({ event: what, ip: formatAddress(knocker), door, status: status ?? null });
      return;
    }
    if (event.type === "opened by hand") this.counts.opened(door);
    if (event.type === "opened" || event.type === "closed" || event.type === "not opened") {
      const failed = event.type === "not opened";
      const [what, status] = failed ? (["opened", null] as const) : ([event.type, 0] as const);
      this.watch.tell({ event: what, ip: formatAddress(knocker), door, status });
    }
    const level = LEVELS[event.type];
    this.#tell(knocker, (who) => this.#logger.log[level](this.#at(knocker, door), doorEventLine(event, who)));
  };

  /** Logs an event that belongs to no single client. */
  readonly notice = (notice: DoorNotice): void => {
    this.#logger.log[NOTICE_LEVELS[notice.type]](noticeLine(notice));
  };

  /** Logs the number of lines that are still held back. */
  end(): void {
    this.#tellHeldBack(Number.POSITIVE_INFINITY);
    this.#timer?.cancel();
  }

  #tellEvent(event: KnockEvent, at: number): void {
    this.watch.knock(event, at);
    const fields = () => daemonEventOf(event);
    if (this.#reverseDns !== undefined)
      this.#tell(event.knocker, (who) => this.#logger.event(eventLine(event, who), fields));
    else this.#logger.event(this.#line(event), fields);
    if (event.type !== "open" || !isLinkLocal(event.knocker)) return;
    const { door, knocker } = event;
    this.#tell(knocker, (who) => this.#logger.event(linkLocalLine(door.name, who), () => this.#at(knocker, door.name)));
  }

  /** Caches lines, because a flood from one source repeats the same few. */
  #line(event: KnockEvent): string {
    const { text, lines } = this.#known(event.knocker);
    if (event.type === "timeout" || event.type === "scan" || event.type === "code") return eventLine(event, text);
    let ofDoor = lines.get(event.door);
    if (ofDoor === undefined) {
      ofDoor = [];
      lines.set(event.door, ofDoor);
    }
    const stage = event.type === "open" ? 0 : event.stage;
    ofDoor[stage] ??= eventLine(event, text);
    return ofDoor[stage];
  }

  #tell(knocker: Address, line: (who: string) => void): void {
    if (this.#reverseDns !== undefined) this.#reverseDns.tell(knocker, line);
    else line(this.#known(knocker).text);
  }

  /** The fields of a JSON line in addition to its text. */
  #at(knocker: Address, door: string): { ip: string; door: string } {
    return { ip: this.#known(knocker).text, door };
  }

  #known(knocker: Address): Known {
    if (this.#last === undefined || !sameAddress(this.#last.knocker, knocker)) {
      this.#last = { knocker, text: formatAddress(knocker), lines: new Map() };
    }
    return this.#last;
  }

  #tellHeldBack(at: number): void {
    if (this.#limit.due > at) return;
    for (const held of this.#limit.summaries(at)) {
      this.#logger.log.info({ event: "held back", ...held }, heldBack(held));
      this.watch.tell({ event: "held back", ...held });
    }
  }

  /** Sets a timer, so that held-back lines are reported even if no further event comes. */
  #awaitHeldBack(at: number): void {
    this.#timer ??= this.#after((this.#limit.due - at) / 1000, () => {
      this.#timer = undefined;
      this.#tellHeldBack(this.#now());
      if (this.#limit.due < Number.POSITIVE_INFINITY) this.#awaitHeldBack(this.#now());
    });
  }
}
