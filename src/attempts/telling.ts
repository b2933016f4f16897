// What the witness is told: what has become of the packet of this moment.

import type { Packet } from "../net/packet.ts";
import type { DoorState } from "./ears.ts";
import type { Witness } from "./witness.ts";

export class Telling {
  /** Is there a witness that wants to know of the packet of this moment? */
  isOn = false;
  readonly #witness: Witness | undefined;

  constructor(witness: Witness | undefined) {
    this.#witness = witness;
  }

  /** A new packet. `isLikeLast`: what the witness was told of last, it may have enough of. */
  begin(isLikeLast: boolean): void {
    this.isOn = this.#witness !== undefined && !(isLikeLast && this.#witness.hasEnough);
  }

  /** `state`: the door, where it is one's. `stage`: of the attempt there, after this packet. */
  say(
    fate: number,
    state: DoorState | undefined,
    stage: number,
    packet: Packet,
    hash: number,
    now: number,
    detail = 0,
  ): void {
    if (this.isOn) this.#witness!.saw(fate, state, stage, packet, hash, now, detail);
  }
}
