// Simulates the daemon on a capture: the same packet loop, doorkeeper and event log, on a clock that the packets drive.
// It runs no command: each one ends at once. It asks no kernel: each built-in door opens.

import { setImmediate as nextTurn } from "node:timers/promises";
import { DuplicateFilter } from "../capture/duplicates.ts";
import { ScanWindow } from "../capture/scan-window.ts";
import { DEFAULT_FIREWALL } from "../config/opening.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import { PacketLoop } from "../daemon/packet-loop.ts";
import { AllDoors } from "../doors/all-doors.ts";
import { Doorkeeper } from "../doors/doorkeeper.ts";
import { KernelDoors } from "../doors/kernel-doors.ts";
import { KnockOpener } from "../doors/knock-opener.ts";
import { nullLedger } from "../doors/null-ledger.ts";
import { Firewall } from "../firewall/firewall.ts";
import { NoKernel } from "../firewall/no-kernel.ts";
import { EventLog } from "../log/event-log.ts";
import type { Log } from "../log/logger.ts";
import { type Address, copyOf, formatAddress, sameAddress } from "../net/address.ts";
import type { CapturedPacket } from "../net/packet.ts";
import { ephemeralPorts } from "../platform/local-ports.ts";
import type { OneTimeFiles } from "../sequences/one-time-file.ts";
import type { OpenPorts } from "./open-ports.ts";
import { VerdictPrinter } from "./verdict-printer.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface SimulationOptions {
  readonly resolvedDoors: readonly ResolvedDoor[];
  /** Is this an address of the simulated host? */
  readonly isOurs: (address: Address) => boolean;
  /** May a packet from this address come from a client? */
  readonly isClient?: (source: Address) => boolean;
  readonly openPorts: OpenPorts;
  readonly oneTimeFiles: OneTimeFiles;
  /** May the capture contain a packet twice, because two interfaces saw it (duplicates.ts)? */
  readonly mayDuplicate: boolean;
  /** Called with each line of the log and its time in seconds since 1970. `beside`: the fields of a JSON log. */
  readonly said: (line: string, time: number, beside: object) => void;
  readonly ran: (command: string, time: number) => void;
  /**
   * Called with the reason why a packet had no effect: `192.0.2.1: openSSH: too late by 1.3 s for Stage 3`. Undefined:
   * not needed.
   */
  readonly ignored?: ((line: string, time: number) => void) | undefined;
}

/** The maximum of addresses to report. A longer list would not be read. */
const MAX_REPORTED = 8;

export class Simulation {
  /** The number of openings. */
  opened = 0;
  /** Addresses that received knocks. Only the first few. */
  readonly knockedAt: Address[] = [];
  readonly #options: SimulationOptions;
  readonly #clock = new VirtualClock();
  readonly #packetLoop: PacketLoop;
  readonly #eventLog: EventLog;
  readonly #duplicates = new DuplicateFilter();

  constructor(options: SimulationOptions) {
    this.#options = options;
    const { resolvedDoors, isOurs, isClient, openPorts, said, ran, ignored, oneTimeFiles } = options;
    const now = () => this.#clock.now;
    const after = (seconds: number, callback: () => void) => this.#clock.after(seconds, callback);
    const say = (line: string, beside = {}) => said(line, this.#clock.time, beside);
    const strays = new ScanWindow({
      prepare() {},
      widen() {},
      after,
      now,
      listeningPorts: () => ({ tcp: [], udp: [] }), // `openPorts` knows the ports of the captured host
      ephemeral: ephemeralPorts(),
    });
    // pino's arguments: a line, or the fields of a JSON log and a line.
    const log = (first: unknown, line?: string) =>
      typeof first === "string" ? say(first) : say(line!, first as object);
    const levels: Pick<Log, "info" | "warn" | "error" | "note"> = { info: log, warn: log, error: log, note() {} };
    this.#eventLog = new EventLog(
      { tellsEvents: true, event: (line, fields) => say(line, fields()), log: levels },
      undefined,
      now,
      after,
    );
    const seconds = () => now() / 1000;
    const onEvent = this.#eventLog.doorEvent;
    const doorkeeper = new Doorkeeper({
      run: async (command) => {
        ran(command, this.#clock.time);
        return { status: 0, stderrHead: "" };
      },
      after,
      now: seconds,
      onEvent,
      ledger: nullLedger(),
    });
    const kernelDoors = new KernelDoors({ firewall: imaginary(seconds), onEvent, onFailure() {}, after, now: seconds });
    // Which firewall it is makes no difference to the log.
    kernelDoors.apply(
      resolvedDoors.map(({ door }) => door),
      DEFAULT_FIREWALL,
    );
    const doors = new AllDoors(kernelDoors, doorkeeper, onEvent);
    const opener = new KnockOpener({
      doors: () => doors,
      files: oneTimeFiles,
      onNotice: this.#eventLog.notice,
      onUsed: (door, next) => this.#packetLoop.replaceDoor(door, next),
    });
    this.#packetLoop = new PacketLoop({
      now,
      isOurs,
      isClient,
      scanWindow: {
        isStray: (packet) =>
          strays.isStray(packet) && !openPorts.isOpen(packet) && this.#isListenedAt(packet.destination),
        isAnswer: (packet) => strays.isAnswer(packet),
      },
      eventLog: this.#eventLog,
      wallClock: () => 1000 * this.#clock.time,
      opener: {
        letIn: (door, knocker) => opener.letIn(door, knocker),
        open: (door, knocker, letIn, client) => {
          this.opened++;
          opener.open(door, knocker, letIn, client);
        },
      },
      observer:
        ignored && new VerdictPrinter((who, line) => ignored(`${formatAddress(who)}: ${line}`, this.#clock.time)),
    });
    this.#packetLoop.setDoors(resolvedDoors);
  }

  /**
   * Takes the next packet, and does not keep the object. Await the promise, if there is one, before the next packet.
   */
  knock(packet: CapturedPacket): Promise<void> | undefined {
    const at = this.#clock.at(packet.time);
    const before = this.#advanceTo(at);
    if (before !== undefined) return before.then(() => this.#take(packet, at));
    return this.#take(packet, at);
  }

  /** Lets time pass without a packet, until `time` in seconds since 1970. */
  async advanceTo(time: number): Promise<void> {
    await this.#advanceTo(this.#clock.at(time));
  }

  /** Ends the capture. Time passes until nothing is pending. */
  async end(): Promise<void> {
    await this.#advanceTo(Number.POSITIVE_INFINITY);
    this.#eventLog.end();
  }

  #take(packet: CapturedPacket, at: number): Promise<void> | undefined {
    this.#clock.advanceTo(at);
    if (this.#options.mayDuplicate && this.#duplicates.has(packet)) return undefined;
    const before = this.opened;
    if (this.#packetLoop.packet(packet, at).length > 0) this.#noteKnockedAt(packet.destination);
    return this.opened > before ? nextTurn() : undefined; // commands end, and are logged, in this turn of the event loop
  }

  /** Runs everything that is due until then. */
  #advanceTo(at: number): Promise<void> | undefined {
    for (;;) {
      const timer = this.#clock.due;
      const due = Math.min(timer, this.#packetLoop.deadline);
      if (due > at || due === Number.POSITIVE_INFINITY) return undefined;
      this.#clock.advanceTo(due);
      const before = this.opened;
      this.#packetLoop.expire(due);
      if (timer === due) this.#clock.runNext();
      else if (this.opened === before) continue;
      return nextTurn().then(() => this.#advanceTo(at));
    }
  }

  /** The filter passes nothing for an address without a door (capture/port-classes.ts). */
  #isListenedAt(address: Address): boolean {
    return this.#packetLoop.resolvedDoors.some(
      ({ targets }) => targets === undefined || targets.some((target) => sameAddress(target, address)),
    );
  }

  #noteKnockedAt(address: Address): void {
    if (this.knockedAt.length >= MAX_REPORTED || this.knockedAt.some((one) => sameAddress(one, address))) return;
    this.knockedAt.push(copyOf(address));
  }
}

/** Opens nothing. */
function imaginary(now: () => number): Firewall {
  return new Firewall({
    openSocket: () => new NoKernel(),
    watch: () => ({ close() {} }),
    now,
    onRestored() {},
    record: { isThere: false, save() {}, clear() {} },
    onTrouble() {},
    config: "",
  });
}
