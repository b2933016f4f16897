// Openings that wait a moment, because their sequence may be part of a fast scan. Such a scan is over before the filter is
// widened (capture/scan-window.ts), so only its knocks have been seen. While the opening waits, the rest of the scan shows.

import type { Accepted } from "../events/code-decision.ts";
import { type Address, sameAddress } from "../net/address.ts";
import type { DoorState } from "./door-state.ts";
import type { StrayPorts } from "./stray-ports.ts";

/** A faster sequence may be part of a scan. `nmap -r` takes 13 ms from port 7000 to 9000. */
export const HASTY_MS = 25;
/** How long it waits. Such a scan touches hundreds of ports in this time. */
const WAIT_MS = 5;
/** The most openings that wait. Only clients that know a sequence can fill the list. Further ones get in at once. */
const MAX = 256;

export interface HeldOpening {
  /** When it opens. */
  readonly due: number;
  readonly state: DoorState;
  readonly knocker: Address;
  /** The hash of its address (AddressHash). */
  readonly hash: number;
  /** The stray ports of the attempt, as number 0. */
  readonly strays: StrayPorts;
  /** The accepted code, if it is one. Another source may claim the same code meanwhile. */
  readonly accepted?: Accepted | undefined;
}

export class HeldOpenings {
  /** How many milliseconds later than the time that counts for it the current packet is read. */
  lateBy = 0;
  /** In the order in which they are due. */
  #waiting: HeldOpening[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  /** When the first one opens. Infinity if none waits. */
  get deadline(): number {
    return this.#waiting[0]?.due ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Must an opening wait whose attempt took `age` milliseconds? Not if the same source already waits at this door: a source
   * that completes the sequence twice in 5 ms is a flood, not a scan.
   */
  shouldHold(age: number, hash: number, state: DoorState): boolean {
    if (age >= HASTY_MS || this.#waiting.length >= MAX) return false;
    for (let i = 0; i < this.#waiting.length; i++) {
      const one = this.#waiting[i]!;
      if (one.hash === hash && one.state === state) return false;
    }
    return true;
  }

  hold(opening: Omit<HeldOpening, "due">, now: number): void {
    this.#add({ due: now + this.lateBy + WAIT_MS, ...opening });
  }

  /** Holds a right code for Code_Hold, and at least as long as a fast sequence. Only clients can make many codes wait. */
  holdCode(opening: Omit<HeldOpening, "due"> & { readonly accepted: Accepted }, now: number): void {
    this.#add({ ...opening, due: now + this.lateBy + Math.max(WAIT_MS, opening.accepted.holdMs) });
  }

  /** Drops a code, because another source has sent it too. */
  dropCode(state: DoorState, client: string): void {
    this.#waiting = this.#waiting.filter((one) => one.state !== state || one.accepted?.client !== client);
  }

  /** May an opening of this source be waiting? Another source may have the same hash. */
  has(hash: number): boolean {
    return this.#waiting.some((one) => one.hash === hash);
  }

  heldFor(hash: number, source: Address): readonly HeldOpening[] {
    return this.#waiting.filter((one) => one.hash === hash && sameAddress(one.knocker, source));
  }

  drop(opening: HeldOpening): void {
    this.#waiting = this.#waiting.filter((one) => one !== opening);
  }

  #add(opening: HeldOpening): void {
    let at = this.#waiting.length;
    while (at > 0 && this.#waiting[at - 1]!.due > opening.due) at--;
    this.#waiting.splice(at, 0, opening);
  }

  /** Removes and returns the openings that have waited long enough. */
  release(now: number): readonly HeldOpening[] {
    const later = this.#waiting.findIndex((one) => one.due > now);
    return this.#waiting.splice(0, later < 0 ? this.#waiting.length : later);
  }
}
