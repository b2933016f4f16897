// How an attempt ends: its door opens, at once or a moment later (haste.ts), or its time is over.

import type { Address } from "../net/address.ts";
import type { DoorState } from "./ears.ts";
import { type KnockEvent, NOTHING } from "./event.ts";
import type { Knockers } from "./knockers.ts";
import { type Pauses, pauseKey } from "./pauses.ts";
import type { Retransmissions } from "./retransmissions.ts";
import type { Scans } from "./scans.ts";
import { FATE, type Witness } from "./witness.ts";

export class Endings {
  readonly #knockers: Knockers;
  readonly #scans: Scans;
  readonly #retransmissions: Retransmissions;
  readonly #cooldowns: Pauses;
  readonly #witness: Witness | undefined;

  constructor(
    knockers: Knockers,
    scans: Scans,
    retransmissions: Retransmissions,
    cooldowns: Pauses,
    witness: Witness | undefined,
  ) {
    this.#knockers = knockers;
    this.#scans = scans;
    this.#retransmissions = retransmissions;
    this.#cooldowns = cooldowns;
    this.#witness = witness;
  }

  /** `expire` has nothing to do before this time (milliseconds); Infinity when there is no attempt. */
  get deadline(): number {
    return Math.min(this.#scans.haste.deadline, this.#knockers.expiry.deadline);
  }

  /** All that is due, but of attempts at most `most`: while more wait, `deadline` is not later than `now`. */
  expire(now: number, most: number): readonly KnockEvent[] {
    const events: KnockEvent[] = [];
    for (const { state, knocker, hash } of this.#scans.haste.take(now)) {
      if (!state.retired) {
        this.open(state, knocker, hash, now);
        events.push({ type: "open", door: state.door, knocker });
      } else this.#witness?.hasEnded(FATE.used, state, 0, knocker, hash, now, 0);
    }
    this.#knockers.expiry.drain(now, most, (slot) => {
      const hash = this.#knockers.hash(this.#knockers.slots.source(slot));
      if (this.#knockers.state(slot).retired) this.#knockers.remove(slot, hash);
      else events.push(...this.timeout(slot, hash, now));
    });
    return events;
  }

  /** The door opens: the caller tells it. */
  open(state: DoorState, knocker: Address, hash: number, now: number): void {
    this.#witness?.hasEnded(FATE.open, state, state.knocks.length, knocker, hash, now, 0);
    const { seqCooldown } = state.door.policy;
    if (seqCooldown > 0) this.#cooldowns.begin(pauseKey(hash, state), now + 1000 * seqCooldown);
    // Nobody comes in by a used sequence, not even before setDoors brings the next one.
    if (state.door.oneTimeSequences !== undefined) state.retired = true;
  }

  /** The last segment of an attempt that moves on, or is over. */
  rememberLast(slot: number, hash: number, now: number): void {
    const { slots } = this.#knockers;
    const print = slots.print(slot);
    if (print === 0) return;
    const port = this.#knockers.state(slot).knocks[slots.stage(slot) - 1]! & 0xffff;
    const told = { port, sequence: slots.sequence(slot) };
    this.#retransmissions.remember(hash, print, now, told, slots.sinceKnock(slot, now));
  }

  /** A silent attempt (scans.ts) is not told. */
  timeout(slot: number, hash: number, now: number): readonly KnockEvent[] {
    const { slots } = this.#knockers;
    const state = this.#knockers.state(slot);
    const [knocker, stage] = [slots.source(slot), slots.stage(slot)];
    const print = slots.print(slot);
    const told = { port: state.knocks[stage - 1]! & 0xffff, sequence: slots.sequence(slot) };
    if (print !== 0) this.#retransmissions.rememberIfFree(hash, print, now, told, slots.sinceKnock(slot, now));
    const late = slots.age(slot, now) - state.term.milliseconds;
    this.#witness?.hasEnded(FATE.timeout, state, stage, knocker, hash, now, late);
    const isSilent = slots.strays.isSilent(slot);
    this.#knockers.remove(slot, hash);
    return isSilent ? NOTHING : [{ type: "timeout", door: state.door, knocker, stage }];
  }
}
