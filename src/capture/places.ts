// The interfaces that are listened at now, all with the same doors, and how well each is heard.

import type { ResolvedDoor } from "../config/resolved-door.ts";
import type { Address } from "../net/address.ts";
import type { AddressSet } from "../net/address-set.ts";
import type { CapturedPacket } from "../net/packet.ts";
import { plural } from "../terminal/plural.ts";
import { Echoes } from "./echoes.ts";
import { ANY } from "./interfaces.ts";
import { Listening } from "./listening.ts";
import type { PortClass } from "./port-classes.ts";
import type { Records } from "./records.ts";

export interface Place {
  readonly listening: Listening;
  /** Of its link; 0 for `any`. */
  readonly index: number;
  up: boolean;
  /** How many knocks the last self-test has tried; and why one would not be heard, though all seems well. */
  tried: number;
  /** When that was, by `now`. */
  testedAt: number | undefined;
  deaf: string | undefined;
  /** Nothing more comes from it, in libpcap's words. */
  broken: string | undefined;
}

export interface PlacesOptions {
  /** Not one place alone, known by its name: a packet may be seen at two. */
  readonly several: boolean;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly onBatch: (listening: Listening, records: Records, count: number, now: number) => void;
  /** One is broken. */
  readonly onBroken: () => void;
  /** `warn`: packets are lost, or scans not seen. `error`: we are deaf. */
  readonly tell: Readonly<Record<"warn" | "error", (line: string) => void>>;
}

export class Places {
  readonly #options: PlacesOptions;
  readonly #places = new Map<string, Place>();
  readonly #echoes = new Echoes();
  #listeners: readonly ResolvedDoor[] = [];
  #strays: readonly PortClass[] | undefined;
  #isWide = false;
  #followed: Address | undefined;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  get all(): ReadonlyMap<string, Place> {
    return this.#places;
  }

  /** Can one packet be seen at two of them? Asked once a batch. */
  get haveEchoes(): boolean {
    return this.#places.size > 1 || this.#places.has(ANY);
  }

  /** The same packet, seen at another interface? */
  isEcho(packet: CapturedPacket): boolean {
    return this.#echoes.has(packet);
  }

  get isDeaf(): boolean {
    return [...this.#places.values()].some((place) => place.deaf !== undefined);
  }

  /** Opens it; it hears nothing yet. Throws CannotListen. */
  open(name: string, index: number): Place {
    const { several, now, onBatch, onBroken } = this.#options;
    const listening: Listening = new Listening(name, several, {
      now,
      onBatch: (records, count, at) => onBatch(listening, records, count, at),
      onError: (error) => {
        place.broken = error.message;
        onBroken();
      },
    });
    const place: Place = {
      listening,
      index,
      up: true,
      tried: 0,
      testedAt: undefined,
      deaf: undefined,
      broken: undefined,
    };
    this.#places.set(name, place);
    return place;
  }

  /** Opens it, and hears there what is heard at the others. Throws CannotListen. */
  add(name: string, index: number, own: AddressSet): void {
    const { listening } = this.open(name, index);
    listening.hear(this.#listeners, own);
    if (this.#followed !== undefined) listening.follow(this.#followed);
    listening.prepare(this.#strays);
    listening.widen(this.#isWide);
    listening.start();
  }

  start(): void {
    for (const { listening } of this.#places.values()) listening.start();
  }

  /** Ends it there, whether it was open or not. */
  close(name: string): void {
    this.#places.get(name)?.listening.close();
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
      for (const [name, { listening }] of this.#places) {
        longest = Math.max(longest, listening.hear(listeners, own(name)));
      }
    } catch (error) {
      for (const { listening } of this.#places.values()) listening.hear(before, listening.own);
      throw error;
    }
    this.#listeners = listeners;
    this.selfTest();
    return longest;
  }

  /** There the doors are at these addresses from now on. Throws CannotListen. */
  setAddresses(place: Place, own: AddressSet): void {
    place.listening.hear(this.#listeners, own);
  }

  /** What the filters let through while they are wide (widening.ts). */
  prepare(strays: readonly PortClass[] | undefined): void {
    this.#strays = strays;
    this.#each((listening) => listening.prepare(strays));
  }

  /** All that this source does is let through; undefined: no one's. */
  follow(source: Address | undefined): void {
    this.#followed = source;
    this.#each((listening) => listening.follow(source), "not all is seen of who is followed");
  }

  widen(wide: boolean): void {
    this.#isWide = wide;
    this.#each((listening) => listening.widen(wide));
  }

  /** Tells what was lost, and returns which of them bring nothing more, and why. */
  account(): ReadonlyMap<string, string> {
    const failed = new Map<string, string>();
    for (const [name, { listening }] of this.#places) {
      try {
        const { lost, stuck } = listening.account();
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
      let { tried, deafTo } = place.listening.selfTest();
      if (deafTo !== undefined) {
        try {
          place.listening.hearAgain();
          ({ tried, deafTo } = place.listening.selfTest());
        } catch (error) {
          deafTo = (error as Error).message;
        }
      }
      if (deafTo !== undefined && deafTo !== place.deaf) this.#options.tell.error(`deaf on ${name}: ${deafTo}`);
      place.tried = tried;
      place.testedAt = this.#options.now();
      place.deaf = deafTo;
    }
  }

  /** For the filters' width: whatever becomes of it, knocks are heard as before. */
  #each(change: (listening: Listening) => void, trouble = "scans are not seen"): void {
    for (const [name, { listening }] of this.#places) {
      try {
        change(listening);
      } catch (error) {
        this.#options.tell.warn(`${name}: ${trouble}: ${(error as Error).message}`);
      }
    }
  }
}
