// Does a packet match a door's rule, by its flags and its destination?

import { VERDICT } from "../events/observer.ts";
import { type Address, sameAddress } from "../net/address.ts";
import { type Packet, TCP } from "../net/packet.ts";
import { flagsMatch } from "../net/tcp-flags.ts";
import type { MatchRule } from "./door-state.ts";

export class PacketMatcher {
  readonly #isOurs: (address: Address) => boolean;
  /** The rule that matched the last packet. It also matches every equal packet that follows (last-packet.ts). */
  #matched: MatchRule | undefined;

  constructor(isOurs: (address: Address) => boolean) {
    this.#isOurs = isOurs;
  }

  /** Call it if the next packet differs from the last one. */
  forget(): void {
    this.#matched = undefined;
  }

  matches(rule: MatchRule, packet: Packet): boolean {
    return rule === this.#matched || this.matchesUncached(rule, packet);
  }

  /** Does the packet match any of these rules? */
  matchesAny(rules: readonly MatchRule[], packet: Packet): boolean {
    for (let i = 0; i < rules.length; i++) {
      const rule = rules[i]!;
      if (!this.matches(rule, packet)) continue;
      this.#matched = rule;
      return true;
    }
    return false;
  }

  /** Returns a VERDICT: why the packet matches none of these rules. */
  mismatch(rules: readonly MatchRule[], packet: Packet): number {
    return rules.some(({ targets }) => this.#isAt(targets, packet.destination)) ? VERDICT.flags : VERDICT.address;
  }

  /** Like `matches`, but does not use or change what is known of the last packet. */
  matchesUncached(rule: MatchRule, packet: Packet): boolean {
    if (packet.protocol === TCP && !flagsMatch(rule.flags, packet.flags)) return false;
    return this.#isAt(rule.targets, packet.destination);
  }

  #isAt(targets: readonly Address[] | undefined, address: Address): boolean {
    if (targets === undefined) return this.#isOurs(address);
    return targets.some((target) => sameAddress(target, address));
  }
}
