// The daemon in the time of a capture: the same state machine, doorkeeper and event log, and nothing is run. A command ends
// as soon as it has begun.

import { randomBytes } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Attempts } from "../attempts/attempts.ts";
import { DuplicateFilter } from "../capture/duplicates.ts";
import { ScanWindow } from "../capture/scan-window.ts";
import type { Door } from "../config/door.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import { Doorkeeper } from "../doors/doorkeeper.ts";
import type { LedgerEntry } from "../doors/ledger-entry.ts";
import { doorAfterUse } from "../doors/one-time-door.ts";
import type { KnockEvent } from "../events/knock-event.ts";
import { EventLog } from "../log/event-log.ts";
import type { Log } from "../log/logger.ts";
import { type Address, copyOf, formatAddress, sameAddress } from "../net/address.ts";
import type { CapturedPacket } from "../net/packet.ts";
import { ephemeralPorts } from "../platform/local-ports.ts";
import type { UnusedSequences } from "../sequences/one-time-memory.ts";
import type { Answering } from "./open-ports.ts";
import { VerdictPrinter } from "./verdict-printer.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface ReplayOptions {
  readonly resolvedDoors: readonly ResolvedDoor[];
  /** Is this an address of the host that is replayed? */
  readonly isOurs: (address: Address) => boolean;
  /** May a packet from there be a client's? */
  readonly isClient?: (source: Address) => boolean;
  readonly answering: Answering;
  readonly unused: UnusedSequences;
  /** May one packet be in it twice, as it was seen at two interfaces (duplicates.ts)? */
  readonly mayDuplicate: boolean;
  /** What the daemon would have said, and run, and when, in seconds since 1970; `beside` is what JSON has beside a line. */
  readonly said: (line: string, time: number, beside: object) => void;
  readonly ran: (command: string, time: number) => void;
  /** Why nothing came of a packet: `192.0.2.1: openSSH: too late by 1.3 s for Stage 3`. Undefined: nobody wants to know. */
  readonly ignored?: ((line: string, time: number) => void) | undefined;
}

/** Addresses that are told: nobody wants to read more. */
const MOST_TOLD = 8;

export class Replay {
  /** Doors opened. */
  opened = 0;
  /** To which knocks came, the first few of them. */
  readonly knockedAt: Address[] = [];
  readonly #options: ReplayOptions;
  readonly #clock = new VirtualClock();
  readonly #log: Pick<Log, "info" | "warn" | "error" | "note">;
  readonly #attempts: Attempts;
  readonly #eventLog: EventLog;
  readonly #doorkeeper: Doorkeeper;
  readonly #duplicates = new DuplicateFilter();
  readonly #verdictPrinter: VerdictPrinter | undefined;
  #resolvedDoors: readonly ResolvedDoor[] = [];

  constructor(options: ReplayOptions) {
    const { resolvedDoors, isOurs, isClient, answering, said, ran, ignored } = options;
    this.#options = options;
    const now = () => this.#clock.now;
    const after = (seconds: number, callback: () => void) => this.#clock.after(seconds, callback);
    const say = (line: string, beside = {}) => said(line, this.#clock.time, beside);
    const strays = new ScanWindow({
      prepare() {},
      widen() {},
      after,
      now,
      listeningPorts: () => ({ tcp: [], udp: [] }), // `answering` knows better
      ephemeral: ephemeralPorts(),
    });
    this.#verdictPrinter =
      ignored && new VerdictPrinter((knocker, line) => ignored(`${formatAddress(knocker)}: ${line}`, this.#clock.time));
    const key = randomBytes(8);
    this.#attempts = new Attempts({
      isOurs,
      ...(isClient === undefined ? {} : { isClient }),
      isStray: (packet) => strays.isStray(packet) && !answering.at(packet) && this.#isListenedAt(packet.destination),
      isAnswer: (packet) => strays.isAnswer(packet),
      hashKey: [key.readInt32LE(0), key.readInt32LE(4)],
      observer: this.#verdictPrinter,
    });
    this.#setDoors(resolvedDoors);
    // As pino takes it: a line, or what JSON has beside it and the line.
    const log = (first: unknown, line?: string) =>
      typeof first === "string" ? say(first) : say(line!, first as object);
    this.#log = { info: log, warn: log, error: log, note() {} };
    this.#eventLog = new EventLog(
      { tellsEvents: true, event: (line, fields) => say(line, fields()), log: this.#log },
      undefined,
      now,
      after,
    );
    this.#doorkeeper = new Doorkeeper({
      run: async (command) => {
        ran(command, this.#clock.time);
        return { status: 0, stderrHead: "" };
      },
      after,
      now: () => now() / 1000,
      onEvent: this.#eventLog.doorEvent,
      ledger: noLedger(),
    });
  }

  /** The next packet of the capture, which is not kept. The one behind it has to wait for the promise, where there is one. */
  knock(packet: CapturedPacket): Promise<void> | undefined {
    const at = this.#clock.at(packet.time);
    const before = this.#passTo(at);
    if (before !== undefined) return before.then(() => this.#take(packet, at));
    return this.#take(packet, at);
  }

  /** No packet comes any more; time passes all the same, until nobody waits for anything. */
  async end(): Promise<void> {
    await this.#passTo(Number.POSITIVE_INFINITY);
    this.#eventLog.end();
  }

  #take(packet: CapturedPacket, at: number): Promise<void> | undefined {
    this.#clock.passTo(at);
    if (this.#options.mayDuplicate && this.#duplicates.has(packet)) return undefined;
    const events = this.#attempts.knock(packet, at);
    if (events.length > 0) this.#noteKnockedAt(packet.destination);
    return this.#onEvents(events, at) ? nextTurn() : undefined;
  }

  /** All that comes about until then. */
  #passTo(at: number): Promise<void> | undefined {
    for (;;) {
      const timer = this.#clock.due;
      const due = Math.min(timer, this.#attempts.deadline);
      if (due > at || due === Number.POSITIVE_INFINITY) return undefined;
      this.#clock.passTo(due);
      const opened = this.#onEvents(this.#attempts.expire(due), due);
      if (timer === due) this.#clock.fire();
      else if (!opened) continue;
      return nextTurn().then(() => this.#passTo(at));
    }
  }

  /** True when commands are under way: they end, and are told, in this turn of the loop. */
  #onEvents(events: readonly KnockEvent[], at: number): boolean {
    let opened = false;
    for (const event of events) {
      this.#eventLog.event(event, at);
      if (event.type !== "open") continue;
      opened = true;
      this.opened++;
      const door = this.#attempts.door(event.door.id);
      if (door.oneTimeSequences !== undefined) this.#useUp(door, door.oneTimeSequences);
      this.#doorkeeper.open(door, event.knocker);
    }
    return opened;
  }

  /** At an address where no door is, a filter lets nothing through (capture/port-classes.ts). */
  #isListenedAt(address: Address): boolean {
    return this.#resolvedDoors.some(
      ({ targets }) => targets === undefined || targets.some((target) => sameAddress(target, address)),
    );
  }

  #useUp(door: Door, path: string): void {
    const next = doorAfterUse(door, path, this.#eventLog.notice, this.#options.unused);
    const others = next === undefined ? [] : [next];
    this.#setDoors(
      this.#resolvedDoors.flatMap((one) =>
        one.door === door ? others.map((after) => ({ ...one, door: after })) : [one],
      ),
    );
  }

  #setDoors(resolvedDoors: readonly ResolvedDoor[]): void {
    this.#resolvedDoors = resolvedDoors;
    this.#attempts.setDoors(resolvedDoors);
    this.#verdictPrinter?.setDoors(resolvedDoors);
  }

  #noteKnockedAt(address: Address): void {
    if (this.knockedAt.length >= MOST_TOLD || this.knockedAt.some((one) => sameAddress(one, address))) return;
    this.knockedAt.push(copyOf(address));
  }
}

/** What is open here is open nowhere. */
function noLedger() {
  let lastId = 0;
  return {
    add: (entry: Omit<LedgerEntry, "id" | "due">): LedgerEntry => ({
      ...entry,
      id: ++lastId,
      due: { wall: 0, boot: 0, bootId: "" },
    }),
    move() {},
    remove() {},
    save: () => undefined,
    marker: () => "",
    isMarked: () => false,
  };
}
