// Stands at the doors: has each packet decided, tells each event, hands each opening on, and wakes for the attempts that
// expire.

import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { Attempts } from "../attempts/attempts.ts";
import type { CaptureSet } from "../capture/captures.ts";
import type { InterfaceCapture } from "../capture/interface-capture.ts";
import type { Records } from "../capture/records.ts";
import { ScanWindow } from "../capture/scan-window.ts";
import type { Door } from "../config/door.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import type { KnockEvent } from "../events/knock-event.ts";
import { PacketHistory } from "../history/packet-history.ts";
import type { Verdict } from "../history/verdict.ts";
import type { EventLog } from "../log/event-log.ts";
import type { Log } from "../log/logger.ts";
import { packetLine } from "../log/messages.ts";
import type { Address } from "../net/address.ts";
import { ephemeralPorts, listeningPorts } from "../platform/local-ports.ts";
import { clear, releaseUnusedMemory } from "../platform/memory.ts";
import { after } from "../platform/timer.ts";

/** A timeout is told at most this late, and together with others that are close. */
const EXPIRY_GRAIN_MS = 20;
/** Timeouts told in one go, in units of 1,024: the end of a flood must not hold up the packets. */
const MOST_EXPIRY_ROUNDS = 16;
/** After so many openings, or a flood, memory is given back as soon as nobody knocks. */
const MUCH_WORK = 256;

const now = () => performance.now();

export interface PacketLoopOptions {
  /** Where packets come from now. */
  readonly captures: () => CaptureSet;
  readonly eventLog: EventLog;
  /** With -D: of each packet a line. */
  readonly packetLog: Log | undefined;
  readonly open: (door: Door, knocker: Address) => void;
}

export class PacketLoop {
  /** What has become of the packets. */
  readonly history = new PacketHistory();
  readonly #options: PacketLoopOptions;
  readonly #attempts: Attempts;
  readonly #scanWindow: ScanWindow;
  #followed: Address | undefined;
  /** Where the packets of this moment came in. */
  #at: InterfaceCapture | undefined;
  /** Openings since memory was given back. */
  #workSinceTrim = 0;
  #expiryTimer: NodeJS.Timeout | undefined;
  #expiryAt = Number.POSITIVE_INFINITY;

  constructor(options: PacketLoopOptions) {
    this.#options = options;
    this.#scanWindow = new ScanWindow({
      prepare: (strays) => options.captures().prepare(strays),
      widen: (wide) => {
        options.captures().widen(wide);
        if (!wide) this.#onIdle();
      },
      after,
      now,
      listeningPorts,
      ephemeral: ephemeralPorts(),
    });
    const key = randomBytes(8);
    this.#attempts = new Attempts({
      isOurs: (address) => this.#at!.isOurs(address),
      isClient: (source) => this.#at!.isClient(source),
      isStray: (packet) => this.#scanWindow.isStray(packet),
      isAnswer: (packet) => this.#scanWindow.isAnswer(packet),
      hashKey: [key.readInt32LE(0), key.readInt32LE(4)],
      clear: (buffers) => {
        clear(buffers);
        this.#workSinceTrim += MUCH_WORK;
      },
      observer: this.history,
    });
  }

  /** Attempts that are under way. */
  get live(): number {
    return this.#attempts.live;
  }

  /** From now on these are the doors. */
  setDoors(resolvedDoors: readonly ResolvedDoor[]): void {
    this.#attempts.setDoors(resolvedDoors);
    this.history.setDoors(resolvedDoors, now());
  }

  /** The doors by which scans are looked for. */
  setGuarded(doors: readonly Door[]): void {
    this.#scanWindow.setDoors(doors);
    if (this.#followed !== undefined) this.#options.captures().follow(this.#followed); // the supervisor may be a new one
  }

  onBatch(capture: InterfaceCapture, records: Records, count: number, at: number): void {
    this.#at = capture;
    const { packetLog } = this.#options;
    const captures = this.#options.captures();
    const { mayDuplicate } = captures;
    for (let i = 0; i < count; i++) {
      const packet = records.at(i);
      if (mayDuplicate && captures.isDuplicate(packet)) continue;
      packetLog?.debug(packetLine(packet));
      const events = this.#attempts.knock(packet, at);
      if (events.length > 0) this.#onEvents(events, at);
    }
    this.#awaitExpiry();
  }

  /**
   * All that comes from there is seen and kept, and told, until the function that is returned is called. Undefined: another
   * one is followed.
   */
  follow(source: Address, onVerdict: (verdict: Verdict) => void): (() => void) | undefined {
    if (this.#followed !== undefined) return undefined;
    const follow = (address: Address | undefined) => {
      this.#followed = address;
      this.history.follow(address, onVerdict);
      this.#options.captures().follow(address);
    };
    follow(source);
    return () => follow(undefined);
  }

  /** No further packet comes. */
  end(): void {
    clearTimeout(this.#expiryTimer);
  }

  #onEvents(events: readonly KnockEvent[], at: number): void {
    for (const event of events) {
      this.#options.eventLog.event(event, at);
      if (event.type !== "open") continue;
      this.#workSinceTrim++;
      this.#options.open(this.#attempts.door(event.door.id), event.knocker);
    }
  }

  /** Nobody is knocking any more. */
  #onIdle(): void {
    if (this.#workSinceTrim < MUCH_WORK) return;
    this.#attempts.trim(); // first: what it clears is counted as work
    this.#workSinceTrim = 0;
    releaseUnusedMemory();
  }

  /** One timer, for the attempt that expires first; none while there is no attempt. */
  #awaitExpiry(): void {
    const { deadline, live } = this.#attempts;
    this.#scanWindow.update(live);
    if (deadline >= this.#expiryAt) return;
    clearTimeout(this.#expiryTimer);
    this.#expiryAt = deadline;
    const soonest = this.#attempts.isUrgent ? 0 : EXPIRY_GRAIN_MS;
    this.#expiryTimer = setTimeout(() => this.#expire(), Math.max(soonest, Math.ceil(deadline - now())));
  }

  #expire(): void {
    this.#expiryAt = Number.POSITIVE_INFINITY;
    const at = now();
    for (let round = 0; round < MOST_EXPIRY_ROUNDS && this.#attempts.deadline <= at; round++) {
      this.#onEvents(this.#attempts.expire(at), at);
    }
    this.#awaitExpiry();
  }
}
