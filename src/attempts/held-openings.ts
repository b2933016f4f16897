// Sequences that were done faster than the filter could be widened (capture/scan-window.ts): a scan at full speed is through
// before anything but its knocks has been seen. Such an opening waits for a moment, in which the rest of the scan comes by.

import type { Accepted } from "../events/code-decision.ts";
import { type Address, sameAddress } from "../net/address.ts";
import type { DoorState } from "./door-state.ts";
import type { StrayPorts } from "./stray-ports.ts";

/** An attempt that is younger when its last knock comes may be a scan's. `nmap -r` takes 13 ms from port 7000 to 9000. */
const HASTY_MS = 25;
/** In this time such a scan touches hundreds of ports. */
const WAIT_MS = 5;
/** Only clients that know a sequence can fill the list. Further ones get in at once. */
const MAX = 256;

export interface HeldOpening {
  /** When it opens. */
  readonly due: number;
  readonly state: DoorState;
  readonly knocker: Address;
  /** The knocker's (AddressHash). */
  readonly hash: number;
  /** What the attempt has touched, as number 0. */
  readonly strays: StrayPorts;
  /** Of a code, which another source may claim meanwhile. */
  readonly accepted?: Accepted | undefined;
}

export class HeldOpenings {
  /** In the order in which they are due. */
  #waiting: HeldOpening[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  /** When the first is to open; Infinity when none waits. */
  get deadline(): number {
    return this.#waiting[0]?.due ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Must an opening wait whose attempt took `age` milliseconds? Not if the same source already waits at this door: whatever
   * completes the sequence twice in 5 ms is a flood, not a scan.
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
    this.#add({ due: now + WAIT_MS, ...opening });
  }

  /** A right code waits as long as it says, and at least as a fast sequence does. Only clients can make many wait. */
  holdCode(opening: Omit<HeldOpening, "due"> & { readonly accepted: Accepted }, now: number): void {
    this.#add({ ...opening, due: now + Math.max(WAIT_MS, opening.accepted.holdMs) });
  }

  /** Another source has sent the same code. */
  dropCode(state: DoorState, client: string): void {
    this.#waiting = this.#waiting.filter((one) => one.state !== state || one.accepted?.client !== client);
  }

  /** May an opening of this source be waiting? By a hash, so another source's may be meant. */
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

  /** Those that have waited long enough, which then wait no longer. */
  release(now: number): readonly HeldOpening[] {
    const later = this.#waiting.findIndex((one) => one.due > now);
    return this.#waiting.splice(0, later < 0 ? this.#waiting.length : later);
  }
}
