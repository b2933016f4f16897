// The last packet. In a flood, the next packet often differs only in its ports and its sequence number. Then most of what was
// found out about the last packet holds for it, too. This saves half of its time (bench/flood.ts, "first knocks").

import { type Address, copyOf, sameAddress } from "../net/address.ts";
import type { Packet } from "../net/packet.ts";

export class LastPacket {
  #now = Number.NaN;
  #protocol = 0;
  #flags = 0;
  readonly #source = { w0: 0, w1: 0, w2: 0, w3: 0 };
  /** The copy of the source that others have. */
  #copy: Address | undefined;
  readonly #destination = { w0: 0, w1: 0, w2: 0, w3: 0 };

  /** A copy of its source, which may be kept. */
  get source(): Address {
    this.#copy ??= copyOf(this.#source);
    return this.#copy;
  }

  /** Is this packet like the last one: same source, destination, time and flags? If not, remembers it as the last one. */
  matches({ source, destination, protocol, flags }: Packet, now: number): boolean {
    const from = this.#source;
    const to = this.#destination;
    if (
      source.w3 === from.w3 &&
      destination.w3 === to.w3 &&
      flags === this.#flags &&
      now === this.#now &&
      protocol === this.#protocol &&
      source.w2 === from.w2 &&
      source.w1 === from.w1 &&
      source.w0 === from.w0 &&
      destination.w2 === to.w2 &&
      destination.w1 === to.w1 &&
      destination.w0 === to.w0
    ) {
      return true;
    }
    if (!sameAddress(source, from)) {
      this.#copy = undefined;
      from.w0 = source.w0;
      from.w1 = source.w1;
      from.w2 = source.w2;
      from.w3 = source.w3;
    }
    this.#now = now;
    this.#protocol = protocol;
    this.#flags = flags;
    to.w0 = destination.w0;
    to.w1 = destination.w1;
    to.w2 = destination.w2;
    to.w3 = destination.w3;
    return false;
  }

  /** No packet matches until the next one is remembered. */
  forget(): void {
    this.#now = Number.NaN;
  }
}
