// Why a first knock begins nothing at a door.

import type { Packet } from "../net/packet.ts";
import type { DoorState } from "./ears.ts";
import type { Hearer } from "./hearer.ts";
import { type Pauses, pauseKey } from "./pauses.ts";
import type { Scans } from "./scans.ts";
import { FATE } from "./witness.ts";

export class Refusals {
  readonly #hearer: Hearer;
  readonly #scans: Scans;
  readonly #cooldowns: Pauses;

  constructor(hearer: Hearer, scans: Scans, cooldowns: Pauses) {
    this.#hearer = hearer;
    this.#scans = scans;
    this.#cooldowns = cooldowns;
  }

  /** A banned source is not refused its one more try (scans.ts). */
  isRefused(state: DoorState, packet: Packet, hash: number, now: number): boolean {
    if (this.#scans.isBanned(hash, state, now) && !this.#scans.mayTryAgain(hash, state, now)) return true;
    return (
      this.#cooldowns.isOn(pauseKey(hash, state), now) || state.retired || !this.#hearer.hears(state.hearing, packet)
    );
  }

  /** As the witness has it; `left`: milliseconds for which it goes on. */
  why(state: DoorState, packet: Packet, hash: number, now: number): { fate: number; left: number } {
    if (state.retired) return { fate: FATE.used, left: 0 };
    if (!this.#hearer.hears(state.hearing, packet)) {
      return { fate: this.#hearer.whyNot([state.hearing], packet), left: 0 };
    }
    const banned = this.#scans.mayTryAgain(hash, state, now) ? 0 : this.#scans.banLeft(hash, state, now);
    if (banned > 0) return { fate: FATE.banned, left: banned };
    const cooldown = this.#cooldowns.left(pauseKey(hash, state), now);
    return cooldown > 0 ? { fate: FATE.cooldown, left: cooldown } : { fate: FATE.taken, left: 0 };
  }
}
