// The interfaces that are listened at now, all with the same doors, and how well each is heard.

import type { ResolvedDoor } from "../config/resolved-door.ts";
import type { Address } from "../net/address.ts";
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
  /** Of its link; 0 for `any`. */
  readonly index: number;
  up: boolean;
  /** How many knocks the last self-test has tried; and why one would be missed, though all seems well. */
  knocksTested: number;
  /** When that was, by `now`. */
  testedAt: number | undefined;
  deafReason: string | undefined;
  /** Nothing more comes from it, in libpcap's words. */
  error: string | undefined;
}

export interface CaptureSetOptions {
  /** Not one place alone, known by its name: a packet may be seen at two. */
  readonly several: boolean;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly onBatch: (capture: InterfaceCapture, records: Records, count: number, now: number) => void;
  /** One is broken. */
  readonly onBroken: () => void;
  /** `warn`: packets are lost, or scans not seen. `error`: we are deaf. */
  readonly tell: Readonly<Record<"warn" | "error", (line: string) => void>>;
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

  /** Can one packet be seen at two of them? Asked once a batch. */
  get mayDuplicate(): boolean {
    return this.#captures.size > 1 || this.#captures.has(ANY);
  }

  /** The same packet, seen at another interface? */
  isDuplicate(packet: CapturedPacket): boolean {
    return this.#duplicates.has(packet);
  }

  get isDeaf(): boolean {
    return [...this.#captures.values()].some((state) => state.deafReason !== undefined);
  }

  /** Opens it; it hears nothing yet. Throws CaptureError. */
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

  /** Opens it, and hears there what is heard at the others. Throws CaptureError. */
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

  /** Ends it there, whether it was open or not. */
  close(name: string): void {
    this.#captures.get(name)?.capture.close();
    this.#captures.delete(name);
  }

  closeAll(): void {
    for (const name of this.#captures.keys()) this.close(name);
  }

  /** From now on these doors. Returns the longest filter's instructions. Throws CaptureError: then the old ones go on. */
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

  /** There the doors are at these addresses from now on. Throws CaptureError. */
  setAddresses(state: CaptureState, own: AddressSet): void {
    state.capture.setDoors(this.#resolvedDoors, own);
  }

  /** What the filters let through while they are wide (scan-window.ts). */
  prepare(strays: readonly PortClass[] | undefined): void {
    this.#strays = strays;
    this.#each((capture) => capture.setStrayPorts(strays));
  }

  /** All that this source does is let through; undefined: no one's. */
  follow(source: Address | undefined): void {
    this.#followed = source;
    this.#each((capture) => capture.follow(source), "knockctl explain --follow misses packets");
  }

  widen(wide: boolean): void {
    this.#isWide = wide;
    this.#each((capture) => capture.setWide(wide));
  }

  /** Tells what was lost, and returns which of them bring nothing more, and why. */
  account(): ReadonlyMap<string, string> {
    const failed = new Map<string, string>();
    for (const [name, { capture }] of this.#captures) {
      try {
        const { lost, stuck } = capture.checkStats();
        if (lost > 0)
          this.#options.tell.warn(
            `${name}: ${plural(lost, "packet")} lost: they came faster than knockd could read them`,
          );
        if (stuck) failed.set(name, "packets arrived but could not be read");
      } catch (error) {
        failed.set(name, (error as Error).message);
      }
    }
    return failed;
  }

  /** What is found deaf gets its filter anew; what is deaf even then is told, and `isDeaf`. */
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
      if (deafTo !== undefined && deafTo !== state.deafReason) this.#options.tell.error(`${name}: deaf: ${deafTo}`);
      state.knocksTested = tried;
      state.testedAt = this.#options.now();
      state.deafReason = deafTo;
    }
  }

  /** For the filters' width: whatever becomes of it, knocks are heard as before. */
  #each(change: (capture: InterfaceCapture) => void, trouble = "port scans go undetected"): void {
    for (const [name, { capture }] of this.#captures) {
      try {
        change(capture);
      } catch (error) {
        this.#options.tell.warn(`${name}: ${trouble}: ${(error as Error).message}`);
      }
    }
  }
}
