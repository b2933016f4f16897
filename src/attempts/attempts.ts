// The state machine: (packet, time) → events. Pure: no clock, no file, no process.
// The rules are 0.8's (README, "Differences from knockd 0.8", names those that are not).

import { type Address, copyOf, sameAddress } from "../address.ts";
import { flagsMatch } from "../config/tcp-flags.ts";
import { type DoorState, type Ear, type Hearing, knockKey, type Listener } from "./ears.ts";
import type { KnockEvent } from "./event.ts";
import type { Expiry } from "./expiry.ts";
import { Knockers } from "./knockers.ts";
import { type Packet, TCP } from "./packet.ts";
import { Pauses, pauseKey } from "./pauses.ts";
import { fingerprint, Retransmissions } from "./retransmissions.ts";
import { Scans } from "./scans.ts";
import { type Clear, NONE, type Slots } from "./slots.ts";

export interface AttemptsOptions {
  /** Is this one of the addresses that doors without a Target listen at? */
  isOurs: (address: Address) => boolean;
  /** May this packet, which is no knock of any door, be a scanner's? */
  isStray: (packet: Packet) => boolean;
  /** Two random words, for AddressHash. */
  hashKey: readonly [number, number];
  /** At most so many live attempts in all. */
  capacity?: number;
  /** How memory that is not used any more is cleared, and maybe given back. */
  clear?: Clear | undefined;
}

export const MOST_ATTEMPTS = 1_048_576;
const NOTHING: readonly KnockEvent[] = [];

export class Attempts {
  readonly #isOurs: (address: Address) => boolean;
  readonly #knockers: Knockers;
  readonly #slots: Slots;
  readonly #expiry: Expiry;
  readonly #retransmissions = new Retransmissions();
  readonly #isStray: (packet: Packet) => boolean;
  readonly #scans: Scans;
  readonly #cooldowns = new Pauses();
  #packets = 0;
  /** What was found to hear the packet of this moment. */
  #heard: Hearing | undefined;
  /** Has it brought an attempt one stage further? */
  #moved = false;

  constructor({ isOurs, isStray, hashKey, capacity = MOST_ATTEMPTS, clear }: AttemptsOptions) {
    this.#isOurs = isOurs;
    this.#isStray = isStray;
    this.#knockers = new Knockers(hashKey, capacity, clear);
    this.#scans = new Scans(this.#knockers);
    this.#slots = this.#knockers.slots;
    this.#expiry = this.#knockers.expiry;
  }

  /** Live attempts, and openings that wait. */
  get live(): number {
    return this.#slots.live + this.#scans.haste.size;
  }

  /** `expire` has nothing to do before this time (milliseconds); Infinity when there is no attempt. */
  get deadline(): number {
    return Math.min(this.#scans.haste.deadline, this.#expiry.deadline);
  }

  /** Somebody waits for his door: `deadline` is not to be missed. */
  get isUrgent(): boolean {
    return this.#scans.haste.size > 0;
  }

  /** From now on these doors. Those that did not change keep their attempts; attempts at others are void. */
  setDoors(listeners: readonly Listener[]): void {
    this.#knockers.ears.set(listeners);
  }

  /** One packet. `now` in milliseconds. The packet is not kept. */
  knock(packet: Packet, now: number): readonly KnockEvent[] {
    const { source, protocol } = packet;
    const key = knockKey(protocol, packet.port);
    const ear = this.#knockers.ears.ear(key);
    if (ear === undefined) return this.live > 0 ? this.#stray(packet, now) : NOTHING;
    if (!this.#isHeard(ear, packet)) return NOTHING;
    const hash = this.#knockers.hash(source);
    const print = protocol === TCP ? fingerprint(packet) : 0;
    // Sent again because no answer came: the same knock. 0.8 voids the attempt.
    if (print !== 0 && this.#retransmissions.has(hash, print, now)) return NOTHING;
    const count = this.#knockers.gather(source, hash);
    const mine = this.#knockers.mine;
    for (let i = 0; print !== 0 && i < count; i++) if (this.#slots.print(mine[i]!) === print) return NOTHING;

    this.#packets++;
    this.#moved = false;
    let events = NOTHING as KnockEvent[]; // made when there is something to tell: most packets of a flood tell nothing
    for (let i = 0; i < count; i++) events = this.#goOn(mine[i]!, packet, key, hash, print, now, events);
    // 0.8 swallows the packet as long as the source has any live attempt.
    if (!this.#moved && ear.firsts.length > 0) events = this.#begin(ear.firsts, packet, hash, print, now, events);
    return events;
  }

  /** What a packet of its source does to a live attempt. */
  #goOn(
    slot: number,
    packet: Packet,
    key: number,
    hash: number,
    print: number,
    now: number,
    events: KnockEvent[],
  ): KnockEvent[] {
    const state = this.#knockers.state(slot);
    const stage = this.#slots.stage(slot);
    if (this.#expiry.expired(slot, state.term, now)) return add(events, this.#timeout(slot, hash, now));
    if (!this.#hears(state.hearing, packet)) {
      state.metAt = this.#packets;
    } else if (state.knocks[stage] === key) {
      this.#moved = true;
      this.#remember(hash, this.#slots.print(slot), now);
      const knocker = copyOf(packet.source);
      const told = add(events, { type: "stage", door: state.door, knocker, stage: stage + 1 });
      if (stage + 1 === state.knocks.length) {
        const age = this.#slots.age(slot, now);
        this.#knockers.remove(slot, hash);
        if (!this.#scans.mayBeOne(age, hash, state)) return add(told, this.#open(state, knocker, hash, print, now));
        this.#scans.haste.wait(state, knocker, hash, print, age, now);
        return told;
      }
      this.#slots.advance(slot, print);
      return told;
    } else if (state.knocks[stage - 1] === key) {
      state.metAt = this.#packets; // a knock sent twice, from a new port. 0.8 voids the attempt.
    } else {
      this.#remember(hash, this.#slots.print(slot), now);
      this.#remember(hash, print, now);
      this.#knockers.remove(slot, hash);
    }
    return events;
  }

  /** A packet that moved nothing, at the doors whose first knock it is. */
  #begin(
    firsts: readonly DoorState[],
    packet: Packet,
    hash: number,
    print: number,
    now: number,
    before: KnockEvent[],
  ): KnockEvent[] {
    let events = before;
    for (const state of firsts) {
      if (state.metAt === this.#packets || state.retired || !this.#hears(state.hearing, packet)) continue;
      if (this.#scans.isBanned(hash, state, now) || this.#cooldowns.isOn(pauseKey(hash, state), now)) continue;
      const knocker = copyOf(packet.source);
      events = add(events, { type: "stage", door: state.door, knocker, stage: 1 });
      if (state.knocks.length > 1) this.#knockers.begin(state, packet.source, hash, print, now);
      else events = add(events, this.#open(state, knocker, hash, print, now));
    }
    return events;
  }

  /**
   * What time brings: doors open that waited for a moment, and attempts are over, at most `most` of them: while more wait,
   * `deadline` is not later than `now`.
   */
  expire(now: number, most = 1024): readonly KnockEvent[] {
    if (now < this.deadline) return NOTHING;
    const events: KnockEvent[] = [];
    for (const { state, knocker, hash, print } of this.#scans.haste.take(now)) {
      if (!state.retired) events.push(this.#open(state, knocker, hash, print, now));
    }
    this.#expiry.drain(now, most, (slot) => {
      const hash = this.#knockers.hash(this.#slots.source(slot));
      if (this.#knockers.state(slot).retired) this.#knockers.remove(slot, hash);
      else events.push(this.#timeout(slot, hash, now));
    });
    return events;
  }

  /** A port that is no knock: it means something only of a source in the middle of a sequence. */
  #stray(packet: Packet, now: number): readonly KnockEvent[] {
    const { source } = packet;
    const hash = this.#knockers.hash(source);
    const isKnocker = this.#slots.first(hash, source) !== NONE || this.#scans.haste.has(hash);
    if (!isKnocker || !this.#isOurs(packet.destination)) return NOTHING;
    const count = this.#knockers.gather(source, hash);
    if (!this.#isStray(packet)) return NOTHING;
    const scan = this.#scans.touch(packet, hash, count, now);
    return scan === undefined ? NOTHING : [scan];
  }

  #hears(hearing: Hearing, packet: Packet): boolean {
    return hearing === this.#heard || this.#wouldHear(hearing, packet);
  }

  #wouldHear(hearing: Hearing, packet: Packet): boolean {
    if (packet.protocol === TCP && !flagsMatch(hearing.flags, packet.flags)) return false;
    if (hearing.targets === undefined) return this.#isOurs(packet.destination);
    return hearing.targets.some((target) => sameAddress(target, packet.destination));
  }

  #isHeard({ hearings }: Ear, packet: Packet): boolean {
    for (const hearing of hearings) {
      if (!this.#wouldHear(hearing, packet)) continue;
      this.#heard = hearing;
      return true;
    }
    return false;
  }

  #open(state: DoorState, knocker: Address, hash: number, print: number, now: number): KnockEvent {
    this.#remember(hash, print, now);
    const { seqCooldown } = state.door.policy;
    if (seqCooldown > 0) this.#cooldowns.begin(pauseKey(hash, state), now + 1000 * seqCooldown);
    // Nobody comes in by a used sequence, not even before setDoors brings the next one.
    if (state.door.oneTimeSequences !== undefined) state.retired = true;
    return { type: "open", door: state.door, knocker };
  }

  #timeout(slot: number, hash: number, now: number): KnockEvent {
    const { door } = this.#knockers.state(slot);
    const print = this.#slots.print(slot);
    if (print !== 0) this.#retransmissions.rememberIfFree(hash, print, now);
    const event = { type: "timeout", door, knocker: this.#slots.source(slot), stage: this.#slots.stage(slot) } as const;
    this.#knockers.remove(slot, hash);
    return event;
  }

  #remember(hash: number, print: number, now: number): void {
    if (print !== 0) this.#retransmissions.remember(hash, print, now);
  }
}

function add(events: KnockEvent[], event: KnockEvent): KnockEvent[] {
  if (events === NOTHING) return [event];
  events.push(event);
  return events;
}
