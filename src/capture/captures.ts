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
  /** How many knocks the last self-test has tried; and why one would not be heard, though all seems well. */
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
  readonly onBatch: (listening: InterfaceCapture, records: Records, count: number, now: number) => void;
  /** One is broken. */
  readonly onBroken: () => void;
  /** `warn`: packets are lost, or scans not seen. `error`: we are deaf. */
  readonly tell: Readonly<Record<"warn" | "error", (line: string) => void>>;
}

export class CaptureSet {
  readonly #options: CaptureSetOptions;
  readonly #places = new Map<string, CaptureState>();
  readonly #echoes = new DuplicateFilter();
  #listeners: readonly ResolvedDoor[] = [];
  #strays: readonly PortClass[] | undefined;
  #isWide = false;
  #followed: Address | undefined;

  constructor(options: CaptureSetOptions) {
    this.#options = options;
  }

  get all(): ReadonlyMap<string, CaptureState> {
    return this.#places;
  }

  /** Can one packet be seen at two of them? Asked once a batch. */
  get mayDuplicate(): boolean {
    return this.#places.size > 1 || this.#places.has(ANY);
  }

  /** The same packet, seen at another interface? */
  isDuplicate(packet: CapturedPacket): boolean {
    return this.#echoes.has(packet);
  }

  get isDeaf(): boolean {
    return [...this.#places.values()].some((place) => place.deafReason !== undefined);
  }

  /** Opens it; it hears nothing yet. Throws CannotListen. */
  open(name: string, index: number): CaptureState {
    const { several, now, onBatch, onBroken } = this.#options;
    const listening: InterfaceCapture = new InterfaceCapture(name, several, {
      now,
      onBatch: (records, count, at) => onBatch(listening, records, count, at),
      onError: (error) => {
        place.error = error.message;
        onBroken();
      },
    });
    const place: CaptureState = {
      capture: listening,
      index,
      up: true,
      knocksTested: 0,
      testedAt: undefined,
      deafReason: undefined,
      error: undefined,
    };
    this.#places.set(name, place);
    return place;
  }

  /** Opens it, and hears there what is heard at the others. Throws CannotListen. */
  add(name: string, index: number, own: AddressSet): void {
    const { capture: listening } = this.open(name, index);
    listening.setDoors(this.#listeners, own);
    if (this.#followed !== undefined) listening.follow(this.#followed);
    listening.setStrayPorts(this.#strays);
    listening.setWide(this.#isWide);
    listening.start();
  }

  start(): void {
    for (const { capture: listening } of this.#places.values()) listening.start();
  }

  /** Ends it there, whether it was open or not. */
  close(name: string): void {
    this.#places.get(name)?.capture.close();
    this.#places.delete(name);
  }

  closeAll(): void {
    for (const name of this.#places.keys()) this.close(name);
  }

  /** From now on these doors. Returns the longest filter's instructions. Throws CannotListen: then the old ones go on. */
  setDoors(listeners: readonly ResolvedDoor[], own: (name: string) => AddressSet): number {
    const before = this.#listeners;
    let longest = 0;
    try {
      for (const [name, { capture: listening }] of this.#places) {
        longest = Math.max(longest, listening.setDoors(listeners, own(name)));
      }
    } catch (error) {
      for (const { capture: listening } of this.#places.values()) listening.setDoors(before, listening.own);
      throw error;
    }
    this.#listeners = listeners;
    this.selfTest();
    return longest;
  }

  /** There the doors are at these addresses from now on. Throws CannotListen. */
  setAddresses(place: CaptureState, own: AddressSet): void {
    place.capture.setDoors(this.#listeners, own);
  }

  /** What the filters let through while they are wide (widening.ts). */
  prepare(strays: readonly PortClass[] | undefined): void {
    this.#strays = strays;
    this.#each((listening) => listening.setStrayPorts(strays));
  }

  /** All that this source does is let through; undefined: no one's. */
  follow(source: Address | undefined): void {
    this.#followed = source;
    this.#each((listening) => listening.follow(source), "not all is seen of who is followed");
  }

  widen(wide: boolean): void {
    this.#isWide = wide;
    this.#each((listening) => listening.setWide(wide));
  }

  /** Tells what was lost, and returns which of them bring nothing more, and why. */
  account(): ReadonlyMap<string, string> {
    const failed = new Map<string, string>();
    for (const [name, { capture: listening }] of this.#places) {
      try {
        const { lost, stuck } = listening.checkStats();
        if (lost > 0)
          this.#options.tell.warn(`${name}: ${plural(lost, "packet")} lost: more came than could be looked at`);
        if (stuck) failed.set(name, "packets came and could not be fetched");
      } catch (error) {
        failed.set(name, (error as Error).message);
      }
    }
    return failed;
  }

  /** What is found deaf gets its filter anew; what is deaf even then is told, and `isDeaf`. */
  selfTest(): void {
    for (const [name, place] of this.#places) {
      let { tried, deafTo } = place.capture.selfTest();
      if (deafTo !== undefined) {
        try {
          place.capture.reapplyFilter();
          ({ tried, deafTo } = place.capture.selfTest());
        } catch (error) {
          deafTo = (error as Error).message;
        }
      }
      if (deafTo !== undefined && deafTo !== place.deafReason) this.#options.tell.error(`deaf on ${name}: ${deafTo}`);
      place.knocksTested = tried;
      place.testedAt = this.#options.now();
      place.deafReason = deafTo;
    }
  }

  /** For the filters' width: whatever becomes of it, knocks are heard as before. */
  #each(change: (listening: InterfaceCapture) => void, trouble = "scans are not seen"): void {
    for (const [name, { capture: listening }] of this.#places) {
      try {
        change(listening);
      } catch (error) {
        this.#options.tell.warn(`${name}: ${trouble}: ${(error as Error).message}`);
      }
    }
  }
}
