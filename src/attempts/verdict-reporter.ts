// What the observer is told: what becomes of the packet of this moment, or of an attempt whose time has come.

import type { Observer } from "../events/observer.ts";
import type { Address } from "../net/address.ts";
import type { CurrentPacket } from "./current-packet.ts";
import type { DoorState } from "./door-state.ts";

export class VerdictReporter {
  /** Is there an observer that wants to know about the packet of this moment? */
  isWanted = false;
  readonly #observer: Observer | undefined;

  constructor(observer: Observer | undefined) {
    this.#observer = observer;
  }

  /** Does the observer want to know about packets that are like the last one? */
  get wantsMore(): boolean {
    return this.#observer !== undefined && !this.#observer.isSaturated;
  }

  /** A new packet. `isLikeLast`: the observer may have enough of those that are like the last one. */
  begin({ packet, hash, now }: CurrentPacket, isLikeLast: boolean): void {
    this.isWanted = isLikeLast ? this.wantsMore : this.#observer !== undefined;
    if (this.isWanted) this.#observer!.begin(packet, hash, now);
  }

  /** No packet: an attempt of this source opens its door, or is over, because time has passed. */
  beginWithout(source: Address, hash: number, now: number): void {
    this.isWanted = this.#observer !== undefined;
    this.#observer?.beginWithout(source, hash, now);
  }

  /** `state`: the door, if it is one door's verdict. `stage`: of the attempt there, after this packet. */
  report(code: number, state: DoorState | undefined, stage: number, detail = 0): void {
    if (this.isWanted) this.#observer!.verdict(code, state, stage, detail);
  }
}
