// What the observer is told: what has become of the packet of this moment.

import type { Packet } from "../net/packet.ts";
import type { DoorState } from "./door-index.ts";
import type { Observer } from "./observer.ts";

export class VerdictReporter {
  /** Is there an observer that wants to know of the packet of this moment? */
  isWanted = false;
  readonly #observer: Observer | undefined;

  constructor(observer: Observer | undefined) {
    this.#observer = observer;
  }

  /** A new packet. `isLikeLast`: what the observer was told of last, it may have enough of. */
  begin(isLikeLast: boolean): void {
    this.isWanted = this.#observer !== undefined && !(isLikeLast && this.#observer.isSaturated);
  }

  /** `state`: the door, where it is one's. `stage`: of the attempt there, after this packet. */
  report(
    fate: number,
    state: DoorState | undefined,
    stage: number,
    packet: Packet,
    hash: number,
    now: number,
    detail = 0,
  ): void {
    if (this.isWanted) this.#observer!.packet(fate, state, stage, packet, hash, now, detail);
  }
}
