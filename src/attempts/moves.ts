// What a knock does that some door hears: it moves its source's attempts on, voids them, or begins others.

import type { Packet } from "../net/packet.ts";
import type { DoorState } from "./ears.ts";
import type { Endings } from "./endings.ts";
import { join, type KnockEvent } from "./event.ts";
import type { Expiry } from "./expiry.ts";
import type { Hearer } from "./hearer.ts";
import type { Knockers } from "./knockers.ts";
import type { Previous } from "./previous.ts";
import type { Refusals } from "./refusals.ts";
import type { Retransmissions } from "./retransmissions.ts";
import type { Scans } from "./scans.ts";
import type { Slots } from "./slots.ts";
import type { Telling } from "./telling.ts";
import { FATE } from "./witness.ts";

export interface MovesParts {
  readonly knockers: Knockers;
  readonly hearer: Hearer;
  readonly scans: Scans;
  readonly refusals: Refusals;
  readonly retransmissions: Retransmissions;
  readonly endings: Endings;
  readonly previous: Previous;
  readonly telling: Telling;
}

export class Moves {
  readonly #knockers: Knockers;
  readonly #slots: Slots;
  readonly #expiry: Expiry;
  readonly #hearer: Hearer;
  readonly #scans: Scans;
  readonly #refusals: Refusals;
  readonly #retransmissions: Retransmissions;
  readonly #endings: Endings;
  readonly #previous: Previous;
  readonly #telling: Telling;
  #packets = 0;
  /** Has the packet of this moment brought an attempt one stage further? */
  #moved = false;

  constructor(parts: MovesParts) {
    this.#knockers = parts.knockers;
    this.#slots = parts.knockers.slots;
    this.#expiry = parts.knockers.expiry;
    this.#hearer = parts.hearer;
    this.#scans = parts.scans;
    this.#refusals = parts.refusals;
    this.#retransmissions = parts.retransmissions;
    this.#endings = parts.endings;
    this.#previous = parts.previous;
    this.#telling = parts.telling;
  }

  /** A new packet. */
  next(): void {
    this.#packets++;
    this.#moved = false;
  }

  /** What a packet of its source does to a live attempt. */
  goOn(
    slot: number,
    packet: Packet,
    key: number,
    hash: number,
    print: number,
    now: number,
    events: readonly KnockEvent[],
  ): readonly KnockEvent[] {
    const state = this.#knockers.state(slot);
    const stage = this.#slots.stage(slot);
    if (this.#expiry.expired(slot, state.term, now)) {
      this.#telling.say(
        FATE.late,
        state,
        stage,
        packet,
        hash,
        now,
        this.#slots.age(slot, now) - state.term.milliseconds,
      );
      return join(events, this.#endings.timeout(slot, hash, now));
    }
    if (!this.#hearer.hears(state.hearing, packet)) {
      state.metAt = this.#packets;
      this.#telling.say(this.#hearer.whyNot([state.hearing], packet), state, stage, packet, hash, now);
    } else if (state.knocks[stage] === key) {
      state.metAt = this.#packets;
      this.#endings.rememberLast(slot, hash, now);
      const scan = this.#scans.knock(packet, slot, hash, now);
      if (scan === undefined) return this.#advance(slot, state, packet, hash, print, now, events);
      this.#remember(hash, print, packet, now);
      this.#previous.forget();
      this.#telling.say(FATE.scan, undefined, 0, packet, hash, now, scan.ports);
      return scan.event === undefined ? events : join(events, [scan.event]);
    } else if (stage === 1 && state.knocks[0] === key && this.#scans.isOver(slot, hash, state, now)) {
      this.#endings.rememberLast(slot, hash, now);
      this.#knockers.remove(slot, hash); // `begin` begins it anew
    } else if (state.knocks[stage - 1] === key) {
      state.metAt = this.#packets; // a knock sent twice, from a new port. 0.8 voids the attempt.
      this.#telling.say(FATE.twice, state, stage, packet, hash, now);
    } else {
      this.#endings.rememberLast(slot, hash, now);
      this.#remember(hash, print, packet, now);
      this.#knockers.remove(slot, hash);
      this.#telling.say(FATE.wrong, state, stage, packet, hash, now);
    }
    return events;
  }

  /** The knock that an attempt waits for. */
  #advance(
    slot: number,
    state: DoorState,
    packet: Packet,
    hash: number,
    print: number,
    now: number,
    events: readonly KnockEvent[],
  ): readonly KnockEvent[] {
    this.#moved = true;
    const knocker = this.#previous.source;
    const stage = this.#slots.stage(slot) + 1;
    const age = this.#slots.age(slot, now);
    const isSilent = this.#slots.strays.isSilent(slot);
    this.#telling.say(FATE.stage, state, stage, packet, hash, now, age);
    if (stage < state.knocks.length) {
      this.#slots.advance(slot, print);
      this.#slots.touch(slot, now, packet.sequence);
      if (!isSilent) return join(events, state.events.stage(state.door, knocker, stage));
      this.#previous.forget(); // nothing is told, and yet another packet of this moment may move it on
      return events;
    }
    this.#remember(hash, print, packet, now);
    if (isSilent) this.#scans.forgive(hash, state, now);
    const mayBeScan = this.#scans.mayBeOne(age, hash, state);
    if (mayBeScan) this.#scans.haste.wait(state, knocker, hash, this.#slots.strays.copy(slot), now);
    this.#knockers.remove(slot, hash);
    if (!mayBeScan) return join(events, this.#open(state, hash, now));
    this.#telling.say(FATE.held, state, stage, packet, hash, now);
    return join(events, state.events.stage(state.door, knocker, stage));
  }

  /** A packet at the doors whose first knock it is: it begins there what it can, unless it has moved an attempt. */
  begin(
    firsts: readonly DoorState[],
    packet: Packet,
    hash: number,
    print: number,
    now: number,
    before: readonly KnockEvent[],
  ): readonly KnockEvent[] {
    let events = before;
    for (const state of firsts) {
      if (state.metAt === this.#packets) continue;
      if (this.#moved || this.#refusals.isRefused(state, packet, hash, now)) {
        if (!this.#telling.isOn) continue;
        const { fate, left } = this.#refusals.why(state, packet, hash, now);
        this.#telling.say(fate, state, 0, packet, hash, now, left);
        continue;
      }
      const isSilent = this.#scans.isBanned(hash, state, now);
      const knocker = this.#previous.source;
      this.#telling.say(FATE.stage, state, 1, packet, hash, now);
      if (state.knocks.length > 1) {
        if (isSilent) this.#scans.tryAgain(hash, state, now);
        this.#knockers.begin(state, packet.source, hash, print, now, packet.ttl, isSilent, packet.sequence);
        if (isSilent) this.#previous.forget();
        else events = join(events, state.events.stage(state.door, knocker, 1));
      } else {
        this.#remember(hash, print, packet, now);
        events = join(events, this.#open(state, hash, now));
      }
    }
    return events;
  }

  /** The last knock of the sequence was made, by the source of the packet of this moment. */
  #open(state: DoorState, hash: number, now: number): readonly KnockEvent[] {
    const knocker = this.#previous.source;
    this.#endings.open(state, knocker, hash, now);
    return state.events.opening(state.door, knocker, state.knocks.length);
  }

  #remember(hash: number, print: number, { port, sequence }: Packet, now: number): void {
    if (print !== 0) this.#retransmissions.remember(hash, print, now, { port, sequence });
  }
}
