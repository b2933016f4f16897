// Which doors take a packet, by its flags and its destination.

import { VERDICT } from "../events/observer.ts";
import { type Address, sameAddress } from "../net/address.ts";
import { type Packet, TCP } from "../net/packet.ts";
import { flagsMatch } from "../net/tcp-flags.ts";
import type { MatchRule } from "./door-state.ts";

export class PacketMatcher {
  readonly #isOurs: (address: Address) => boolean;
  /** The rule that matched the last packet, and so matches all packets like it (last-packet.ts). */
  #heard: MatchRule | undefined;

  constructor(isOurs: (address: Address) => boolean) {
    this.#isOurs = isOurs;
  }

  /** Call it if the next packet is not like the last one. */
  forget(): void {
    this.#heard = undefined;
  }

  matches(hearing: MatchRule, packet: Packet): boolean {
    return hearing === this.#heard || this.wouldHear(hearing, packet);
  }

  /** Does the packet match any of these rules? */
  matchesAny(hearings: readonly MatchRule[], packet: Packet): boolean {
    for (let i = 0; i < hearings.length; i++) {
      const hearing = hearings[i]!;
      if (!this.matches(hearing, packet)) continue;
      this.#heard = hearing;
      return true;
    }
    return false;
  }

  /** Returns a VERDICT: why the packet matches none of these rules. */
  mismatch(hearings: readonly MatchRule[], packet: Packet): number {
    return hearings.some(({ targets }) => this.#isAt(targets, packet.destination)) ? VERDICT.flags : VERDICT.address;
  }

  /** Like `matches`, but does not use or change what is known of the last packet. */
  wouldHear(hearing: MatchRule, packet: Packet): boolean {
    if (packet.protocol === TCP && !flagsMatch(hearing.flags, packet.flags)) return false;
    return this.#isAt(hearing.targets, packet.destination);
  }

  #isAt(targets: readonly Address[] | undefined, address: Address): boolean {
    if (targets === undefined) return this.#isOurs(address);
    return targets.some((target) => sameAddress(target, address));
  }
}
