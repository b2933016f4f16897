// Reports verdicts to the observer: on the current packet, or on an attempt that opens or ends without a packet.

import type { Observer } from "../events/observer.ts";
import type { Address } from "../net/address.ts";
import type { Packet } from "../net/packet.ts";
import type { CurrentPacket } from "./current-packet.ts";
import type { DoorState } from "./door-state.ts";

export class VerdictReporter {
  /** Is there an observer that wants the verdicts on the current packet? */
  isWanted = false;
  readonly #observer: Observer | undefined;
  /** How many verdicts the observer got on the last packet that it wanted, and the last of them. */
  #verdicts = 0;
  #code = 0;
  #state: DoorState | undefined;
  #stage = 0;
  #detail = 0;

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
    this.#verdicts = 0;
    if (this.isWanted) this.#observer!.begin(packet, hash, now);
  }

  /**
   * Reports the verdict on the last packet for an equal one, too. Returns false if the packet must be judged again, because there
   * were several verdicts. In a flood of first knocks nearly all packets end here, so V8 does not compile the judgement for them.
   */
  repeat(packet: Packet, hash: number, now: number): boolean {
    if (!this.wantsMore) return true;
    if (this.#verdicts !== 1) return false;
    this.#observer!.begin(packet, hash, now);
    this.#observer!.verdict(this.#code, this.#state, this.#stage, this.#detail);
    return true;
  }

  /** Begins a report without a packet: an attempt of this source opens its door or ends because time has passed. */
  beginWithout(source: Address, hash: number, now: number): void {
    this.isWanted = this.#observer !== undefined;
    this.#observer?.beginWithout(source, hash, now);
  }

  /** `state`: the door, if the verdict is about one. `stage`: that of the attempt there, after this packet. */
  report(code: number, state: DoorState | undefined, stage: number, detail = 0): void {
    if (!this.isWanted) return;
    this.#verdicts++;
    this.#code = code;
    this.#state = state;
    this.#stage = stage;
    this.#detail = detail;
    this.#observer!.verdict(code, state, stage, detail);
  }
}
