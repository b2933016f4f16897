// Reports verdicts to the observer: on the current packet, or on an attempt that opens or ends without a packet.

import type { Observer } from "../events/observer.ts";
import type { Address } from "../net/address.ts";
import type { CurrentPacket } from "./current-packet.ts";
import type { DoorState } from "./door-state.ts";

export class VerdictReporter {
  /** Is there an observer that wants the verdicts on the current packet? */
  isWanted = false;
  readonly #observer: Observer | undefined;

  constructor(observer: Observer | undefined) {
    this.#observer = observer;
  }

  /** Does the observer want more packets that are like the last one? */
  get wantsMore(): boolean {
    return this.#observer !== undefined && !this.#observer.isSaturated;
  }

  /** Begins a packet. `isLikeLast`: it is like the last one, of which the observer may have enough. */
  begin({ packet, hash, now }: CurrentPacket, isLikeLast: boolean): void {
    this.isWanted = isLikeLast ? this.wantsMore : this.#observer !== undefined;
    if (this.isWanted) this.#observer!.begin(packet, hash, now);
  }

  /** Begins a report without a packet: an attempt of this source opens its door or ends because time has passed. */
  beginWithout(source: Address, hash: number, now: number): void {
    this.isWanted = this.#observer !== undefined;
    this.#observer?.beginWithout(source, hash, now);
  }

  /** `state`: the door, if the verdict is about one. `stage`: that of the attempt there, after this packet. */
  report(code: number, state: DoorState | undefined, stage: number, detail = 0): void {
    if (this.isWanted) this.#observer!.verdict(code, state, stage, detail);
  }
}
