// Why a first knock does not begin an attempt at a door.

import { VERDICT } from "../events/observer.ts";
import type { Packet } from "../net/packet.ts";
import { type Cooldowns, cooldownKey } from "./cooldowns.ts";
import type { DoorCooldowns } from "./door-cooldowns.ts";
import type { DoorState } from "./door-state.ts";
import type { PacketMatcher } from "./packet-matcher.ts";
import type { ScanDetector } from "./scan-detector.ts";

export class Refusals {
  readonly #matcher: PacketMatcher;
  readonly #scanDetector: ScanDetector;
  readonly #cooldowns: Cooldowns;
  readonly #doorCooldowns: DoorCooldowns;

  constructor(
    matcher: PacketMatcher,
    scanDetector: ScanDetector,
    { cooldowns, doorCooldowns }: { readonly cooldowns: Cooldowns; readonly doorCooldowns: DoorCooldowns },
  ) {
    this.#matcher = matcher;
    this.#scanDetector = scanDetector;
    this.#cooldowns = cooldowns;
    this.#doorCooldowns = doorCooldowns;
  }

  /** Milliseconds for which the door does not open again for this source. 0: it can open now. */
  cooldownLeft(state: DoorState, hash: number, now: number): number {
    const own = this.#cooldowns.hasAny(now) ? this.#cooldowns.remaining(cooldownKey(hash, state), now) : 0;
    return Math.max(own, this.#doorCooldowns.remaining(state, now));
  }

  /** Is this source refused? A banned source has one more try (bans.ts). */
  isRefused(state: DoorState, packet: Packet, hash: number, now: number): boolean {
    if (this.#scanDetector.bans.isActive(hash, state, now) && !this.#scanDetector.bans.mayTryAgain(hash, state, now))
      return true;
    return this.cooldownLeft(state, hash, now) > 0 || state.retired || !this.#matcher.matches(state.rule, packet);
  }

  /** `kind` is a VERDICT; `left` is how many more milliseconds it lasts. */
  why(state: DoorState, packet: Packet, hash: number, now: number): { kind: number; left: number } {
    if (state.retired) return { kind: VERDICT.used, left: 0 };
    if (!this.#matcher.matches(state.rule, packet)) {
      return { kind: this.#matcher.mismatch([state.rule], packet), left: 0 };
    }
    const banned = this.#scanDetector.bans.mayTryAgain(hash, state, now)
      ? 0
      : this.#scanDetector.bans.remaining(hash, state, now);
    if (banned > 0) return { kind: VERDICT.banned, left: banned };
    const cooldown = this.cooldownLeft(state, hash, now);
    return cooldown > 0 ? { kind: VERDICT.cooldown, left: cooldown } : { kind: VERDICT.taken, left: 0 };
  }
}
