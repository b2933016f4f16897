// Drives the packet loop in real time: gives it the captured packets and wakes it when attempts expire. Widens the kernel's
// filter while an attempt is live, and gives memory back when none is.

import { MAX_ATTEMPTS } from "../attempts/attempts.ts";
import type { CaptureSet } from "../capture/captures.ts";
import type { Records } from "../capture/records.ts";
import { ScanWindow, type ScanWindowOptions } from "../capture/scan-window.ts";
import type { ClientStates } from "../codes/client-states.ts";
import type { Door } from "../config/door.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import { PacketHistory } from "../history/packet-history.ts";
import type { Verdict } from "../history/verdict.ts";
import type { Log } from "../log/logger.ts";
import { packetLine } from "../log/messages.ts";
import type { Address } from "../net/address.ts";
import type { AddressSet } from "../net/address-set.ts";
import { PacketLoop, type PacketLoopOptions } from "./packet-loop.ts";

/** A timeout is reported at most this late, together with those that follow soon. */
const EXPIRY_GRAIN_MS = 20;
/** The most timeouts in one go, in units of 1,024: the end of a flood must not delay packets. */
const MAX_EXPIRY_ROUNDS = 16;
/** After this many openings, or after a flood, memory is given back as soon as no attempt is live. */
const MUCH_WORK = 256;

/** Where packets come from. */
export type PacketSource = Pick<
  CaptureSet,
  "mayDuplicate" | "isDuplicate" | "prepare" | "widen" | "follow" | "readNow"
>;
/** The addresses of the interface that captured a batch of packets. */
type Own = Pick<AddressSet, "has" | "isClient">;

export interface CaptureLoopOptions
  extends Pick<PacketLoopOptions, "now" | "eventLog" | "opener" | "onReplay" | "wallClock" | "onCode" | "capacity">,
    Pick<ScanWindowOptions, "after" | "listeningPorts" | "ephemeral"> {
  /** The source of now. A reload may replace it. */
  readonly source: () => PacketSource;
  /** With -D: a line for each packet. */
  readonly packetLog: Pick<Log, "debug"> | undefined;
  /** `clear` zeroes buffers and gives their memory back. `release` gives back all other unused memory. */
  readonly memory: { clear(buffers: readonly ArrayBuffer[]): void; release(): void };
}

export class CaptureLoop {
  readonly packetLoop: PacketLoop;
  /** The verdicts on the packets. */
  readonly history = new PacketHistory();
  readonly #options: CaptureLoopOptions;
  // Options that each packet needs. In fields, because the callers' option objects differ in shape (warm-up.ts).
  readonly #source: () => PacketSource;
  readonly #packetLog: Pick<Log, "debug"> | undefined;
  readonly #scanWindow: ScanWindow;
  #followed: Address | undefined;
  /** The addresses of the interface that captured the current batch. */
  #own: Own | undefined;
  /** The number of openings when memory was last given back. */
  #openingsAtTrim = 0;
  /** Has a flood taken memory since then? */
  #mustTrim = false;
  #expiryTimer: { cancel(): void } | undefined;
  #expiryAt = Number.POSITIVE_INFINITY;
  /** The time of the last batch. */
  #batchAt = Number.NEGATIVE_INFINITY;
  /** The time that counts for packets that are read late. */
  #lateAt: number | undefined;

  constructor(options: CaptureLoopOptions) {
    this.#options = options;
    this.#source = options.source;
    this.#packetLog = options.packetLog;
    const { now, after, source, opener, memory } = options;
    this.#scanWindow = new ScanWindow({
      prepare: (strays) => source().prepare(strays),
      widen: (wide) => {
        source().widen(wide);
        if (!wide) this.#onIdle();
      },
      after,
      now,
      listeningPorts: options.listeningPorts,
      ephemeral: options.ephemeral,
    });
    this.packetLoop = new PacketLoop({
      now,
      isOurs: (address) => this.#own!.has(address),
      isClient: (source) => this.#own!.isClient(source),
      scanWindow: this.#scanWindow,
      eventLog: options.eventLog,
      opener,
      onReplay: options.onReplay,
      wallClock: options.wallClock,
      onCode: options.onCode,
      capacity: options.capacity ?? MAX_ATTEMPTS,
      observer: this.history,
      clear: (buffers) => {
        memory.clear(buffers);
        this.#mustTrim = true;
      },
    });
  }

  get live(): number {
    return this.packetLoop.live;
  }

  /** Sets the doors. `doors` also has those whose Target could not be looked up: their strays count as well. */
  apply(resolvedDoors: readonly ResolvedDoor[], doors: readonly Door[], clientStates?: ClientStates): void {
    this.packetLoop.setDoors(resolvedDoors, clientStates);
    this.#scanWindow.setDoors(doors);
    if (this.#followed !== undefined) this.#options.source().follow(this.#followed); // a reload has brought another source
  }

  onBatch(own: Own, records: Pick<Records, "at">, count: number, now: number): void {
    const at = this.#lateAt ?? now;
    this.#batchAt = at;
    if (own !== this.#own) this.packetLoop.changeInterface();
    this.#own = own;
    this.#decide(records, count, at);
    this.packetLoop.expectNext(count === 1, at);
    this.#awaitExpiry();
  }

  /** Nothing comes after the loop: V8 replaces a running loop by compiled code, and would leave that code with each batch. */
  #decide(records: Pick<Records, "at">, count: number, at: number): void {
    const packetLog = this.#packetLog;
    const source = this.#source();
    const { mayDuplicate } = source;
    for (let i = 0; i < count; i++) {
      const packet = records.at(i);
      if (mayDuplicate && source.isDuplicate(packet)) continue;
      packetLog?.debug(packetLine(packet));
      this.packetLoop.packet(packet, at);
    }
  }

  /**
   * Captures and reports every packet of a source. Returns a function that ends this, or undefined if another source is
   * being followed.
   */
  follow(source: Address, onVerdict: (verdict: Verdict) => void): (() => void) | undefined {
    if (this.#followed !== undefined) return undefined;
    const follow = (address: Address | undefined) => {
      this.#followed = address;
      this.history.follow(address, onVerdict);
      this.#options.source().follow(address);
    };
    follow(source);
    return () => follow(undefined);
  }

  /** Call this when no further packet comes. */
  end(): void {
    this.#expiryTimer?.cancel();
  }

  /** Runs when no attempt is live any more. */
  #onIdle(): void {
    if (!this.#mustTrim && this.packetLoop.openings - this.#openingsAtTrim < MUCH_WORK) return;
    this.packetLoop.trim();
    this.#openingsAtTrim = this.packetLoop.openings;
    this.#mustTrim = false; // after `trim`, which clears memory too
    this.#options.memory.release();
  }

  /**
   * Call it before anything expires. On a busy machine, Node calls the timer although packets have arrived. They may show a
   * scan, or a second source with the same code, before a held door opens. Or they are the next knock of an attempt that
   * would time out. So they count as if they had been read in time.
   */
  #readLate(): void {
    const now = this.#options.now();
    const at = Math.max(this.#batchAt, Math.min(now, this.packetLoop.deadline - 1));
    this.#lateAt = at;
    this.packetLoop.readLate(at, now, () => this.#source().readNow());
    this.#lateAt = undefined;
  }

  /** Sets the one timer, for the attempt that expires first. Without an attempt there is no timer. */
  #awaitExpiry(): void {
    const { deadline, live, isUrgent } = this.packetLoop;
    this.#scanWindow.update(live);
    if (deadline >= this.#expiryAt) return;
    this.#expiryTimer?.cancel();
    this.#expiryAt = deadline;
    const soonest = isUrgent ? 0 : EXPIRY_GRAIN_MS;
    const wait = Math.max(soonest, Math.ceil(deadline - this.#options.now()));
    // Half a millisecond more, because setTimeout cuts off fractions. A timer that is early would have to wait once more.
    this.#expiryTimer = this.#options.after((wait + 0.5) / 1000, () => this.#expire());
  }

  #expire(): void {
    this.#expiryAt = Number.POSITIVE_INFINITY;
    this.#readLate();
    const at = this.#options.now();
    for (let round = 0; round < MAX_EXPIRY_ROUNDS && this.packetLoop.deadline <= at; round++)
      this.packetLoop.expire(at);
    this.#awaitExpiry();
  }
}
