// The open captures, all for the same doors, and the state of each.

import type { ResolvedDoor } from "../config/resolved-door.ts";
import { type Address, isHostAddress } from "../net/address.ts";
import type { AddressSet } from "../net/address-set.ts";
import type { CapturedPacket } from "../net/packet.ts";
import { plural } from "../terminal/plural.ts";
import type { PortClass } from "./bpf/port-classes.ts";
import { DuplicateFilter } from "./duplicates.ts";
import { InterfaceCapture } from "./interface-capture.ts";
import { ANY } from "./interfaces.ts";
import type { Records } from "./records.ts";

export interface CaptureState {
  readonly capture: InterfaceCapture;
  /** The interface's index. 0 for `any`. */
  readonly index: number;
  up: boolean;
  /** The number of knocks that the last self-test tried. */
  knocksTested: number;
  /** The time of that test, by `now`. */
  testedAt: number | undefined;
  deafReason: string | undefined;
  /** Why the capture failed, in libpcap's words. */
  error: string | undefined;
}

export interface CaptureSetOptions {
  /** There are several interfaces, so a packet may be captured twice. */
  readonly several: boolean;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly onBatch: (capture: InterfaceCapture, records: Records, count: number, now: number) => void;
  /** Called when a capture failed. */
  readonly onBroken: () => void;
  /** `warn`: packets are lost, or scans go undetected. `error`: an interface is deaf. */
  readonly log: Readonly<Record<"warn" | "error", (line: string) => void>>;
}

export class CaptureSet {
  readonly #options: CaptureSetOptions;
  readonly #captures = new Map<string, CaptureState>();
  readonly #duplicates = new DuplicateFilter();
  #resolvedDoors: readonly ResolvedDoor[] = [];
  #strays: readonly PortClass[] | undefined;
  #isWide = false;
  #followed: Address | undefined;

  constructor(options: CaptureSetOptions) {
    this.#options = options;
  }

  get all(): ReadonlyMap<string, CaptureState> {
    return this.#captures;
  }

  /** Can a packet be captured twice? Called once per batch. */
  get mayDuplicate(): boolean {
    return this.#captures.size > 1 || this.#captures.has(ANY);
  }

  /** May packets from this address be knocks at one of the interfaces? While there is none: can a host have this address? */
  isClient(source: Address): boolean {
    if (this.#captures.size === 0) return isHostAddress(source);
    return [...this.#captures.values()].some(({ capture }) => capture.own.isClient(source));
  }

  /** Was the same packet captured at another interface? */
  isDuplicate(packet: CapturedPacket): boolean {
    return this.#duplicates.has(packet);
  }

  get isDeaf(): boolean {
    return [...this.#captures.values()].some((state) => state.deafReason !== undefined);
  }

  /** Opens a capture, which gets no packets yet. Throws CaptureError. */
  open(name: string, index: number): CaptureState {
    const { several, now, onBatch, onBroken } = this.#options;
    const capture: InterfaceCapture = new InterfaceCapture(name, several, {
      now,
      onBatch: (records, count, at) => onBatch(capture, records, count, at),
      onError: (error) => {
        state.error = error.message;
        onBroken();
      },
    });
    const state: CaptureState = {
      capture: capture,
      index,
      up: true,
      knocksTested: 0,
      testedAt: undefined,
      deafReason: undefined,
      error: undefined,
    };
    this.#captures.set(name, state);
    return state;
  }

  /** Opens a capture for the same doors as the others, and starts it. Throws CaptureError. */
  add(name: string, index: number, own: AddressSet): void {
    const { capture } = this.open(name, index);
    capture.setDoors(this.#resolvedDoors, own);
    if (this.#followed !== undefined) capture.follow(this.#followed);
    capture.setStrayPorts(this.#strays);
    capture.setWide(this.#isWide);
    capture.start();
  }

  start(): void {
    for (const { capture } of this.#captures.values()) capture.start();
  }

  /** Reads the packets that have arrived, and passes them on. */
  readNow(): void {
    for (const { capture } of this.#captures.values()) capture.readNow();
  }

  /** Closes the capture, if it is open. */
  close(name: string): void {
    this.#captures.get(name)?.capture.close();
    this.#captures.delete(name);
  }

  closeAll(): void {
    for (const name of this.#captures.keys()) this.close(name);
  }

  /** Changes the doors. Returns the length of the longest filter in instructions. If it throws CaptureError, the old doors stay. */
  setDoors(resolvedDoors: readonly ResolvedDoor[], own: (name: string) => AddressSet): number {
    const before = this.#resolvedDoors;
    let longest = 0;
    try {
      for (const [name, { capture }] of this.#captures) {
        longest = Math.max(longest, capture.setDoors(resolvedDoors, own(name)));
      }
    } catch (error) {
      for (const { capture } of this.#captures.values()) capture.setDoors(before, capture.own);
      throw error;
    }
    this.#resolvedDoors = resolvedDoors;
    this.selfTest();
    return longest;
  }

  /** Changes the addresses of an interface. Throws CaptureError. */
  setAddresses(state: CaptureState, own: AddressSet): void {
    state.capture.setDoors(this.#resolvedDoors, own);
  }

  /** Sets what the wide filters let through (scan-window.ts). */
  prepare(strays: readonly PortClass[] | undefined): void {
    this.#strays = strays;
    this.#each((capture) => capture.setStrayPorts(strays));
  }

  /** Passes every packet of this source. Undefined: follows no source. */
  follow(source: Address | undefined): void {
    this.#followed = source;
    this.#each((capture) => capture.follow(source), "knockctl explain --follow misses packets");
  }

  widen(wide: boolean): void {
    this.#isWide = wide;
    this.#each((capture) => capture.setWide(wide));
  }

  /** Reports lost packets. Returns the captures that have stopped working, with the reason. */
  checkStats(): ReadonlyMap<string, string> {
    const failed = new Map<string, string>();
    for (const [name, { capture }] of this.#captures) {
      try {
        const { lost, stuck } = capture.checkStats();
        if (lost > 0)
          this.#options.log.warn(
            `${name}: ${plural(lost, "packet")} lost: they came faster than knockd could read them`,
          );
        if (stuck) failed.set(name, "packets arrived but could not be read");
      } catch (error) {
        failed.set(name, (error as Error).message);
      }
    }
    return failed;
  }

  /** Tests each filter. Applies it again if a knock would be missed, and reports the interface as deaf if that does not help. */
  selfTest(): void {
    for (const [name, state] of this.#captures) {
      let { tried, deafTo } = state.capture.selfTest();
      if (deafTo !== undefined) {
        try {
          state.capture.reapplyFilter();
          ({ tried, deafTo } = state.capture.selfTest());
        } catch (error) {
          deafTo = (error as Error).message;
        }
      }
      if (deafTo !== undefined && deafTo !== state.deafReason) this.#options.log.error(`${name}: deaf: ${deafTo}`);
      state.knocksTested = tried;
      state.testedAt = this.#options.now();
      state.deafReason = deafTo;
    }
  }

  /** Changes each filter's width. A failure does not affect knocks. */
  #each(change: (capture: InterfaceCapture) => void, trouble = "port scans go undetected"): void {
    for (const [name, { capture }] of this.#captures) {
      try {
        change(capture);
      } catch (error) {
        this.#options.log.warn(`${name}: ${trouble}: ${(error as Error).message}`);
      }
    }
  }
}
