// The state machine: (packet, time) → events. Pure: no clock, no file, no process.
// The rules are 0.8's (README, "Differences from knockd 0.8", names those that are not).

import { type Address, isHostAddress } from "../address.ts";
import { Bystanders } from "./bystanders.ts";
import { type DoorState, type Ear, knockKey, type Listener } from "./ears.ts";
import { Endings } from "./endings.ts";
import { join, type KnockEvent, NOTHING } from "./event.ts";
import type { Expiry } from "./expiry.ts";
import { Hearer } from "./hearer.ts";
import { Knockers } from "./knockers.ts";
import { type Packet, TCP } from "./packet.ts";
import { Pauses } from "./pauses.ts";
import { Previous } from "./previous.ts";
import { Refusals } from "./refusals.ts";
import { Repeats } from "./repeats.ts";
import { fingerprint, Retransmissions } from "./retransmissions.ts";
import { Scans } from "./scans.ts";
import type { Clear, Slots } from "./slots.ts";
import { FATE, type Witness } from "./witness.ts";

export interface AttemptsOptions {
  /** Is this one of the addresses that doors without a Target listen at? */
  isOurs: (address: Address) => boolean;
  /** May a packet from this address be a client's? Else `isHostAddress` says so. */
  isClient?: (source: Address) => boolean;
  /** May this packet, which is no knock of any door, be a scanner's? */
  isStray: (packet: Packet) => boolean;
  /** May this TCP segment answer a connection that this host has opened? Then it is neither a knock nor a stray. */
  isAnswer?: ((packet: Packet) => boolean) | undefined;
  /** Two random words, for AddressHash. */
  hashKey: readonly [number, number];
  /** At most so many live attempts in all. */
  capacity?: number;
  /** How memory that is not used any more is cleared, and maybe given back. */
  clear?: Clear | undefined;
  witness?: Witness | undefined;
}

export const MOST_ATTEMPTS = 1_048_576;
const NO_KEY = -1;

export class Attempts {
  readonly #isClient: (source: Address) => boolean;
  readonly #hearer: Hearer;
  readonly #knockers: Knockers;
  readonly #slots: Slots;
  readonly #expiry: Expiry;
  readonly #retransmissions = new Retransmissions();
  readonly #repeats: Repeats;
  readonly #isAnswer: (packet: Packet) => boolean;
  readonly #scans: Scans;
  readonly #cooldowns = new Pauses();
  readonly #bystanders: Bystanders;
  readonly #refusals: Refusals;
  readonly #witness: Witness | undefined;
  readonly #endings: Endings;
  readonly #previous = new Previous();
  /** The knock of the packet before, if nothing came of it: then nothing comes of another one like it. */
  #idleKey = NO_KEY;
  #packets = 0;
  /** Its source's. */
  #hash = 0;
  /** Is there a witness that wants to know of the packet of this moment? */
  #isTold = false;
  /** Has it brought an attempt one stage further? */
  #moved = false;

  constructor(options: AttemptsOptions) {
    const { isOurs, isClient = isHostAddress, isStray, isAnswer = () => false, hashKey } = options;
    const { capacity = MOST_ATTEMPTS, clear, witness } = options;
    this.#isClient = isClient;
    this.#hearer = new Hearer(isOurs);
    this.#isAnswer = isAnswer;
    this.#witness = witness;
    this.#knockers = new Knockers(hashKey, capacity, clear);
    this.#repeats = new Repeats(this.#knockers, this.#retransmissions);
    this.#scans = new Scans(this.#knockers, this.#hearer, hashKey);
    this.#refusals = new Refusals(this.#hearer, this.#scans, this.#cooldowns);
    this.#slots = this.#knockers.slots;
    this.#expiry = this.#knockers.expiry;
    this.#endings = new Endings(this.#knockers, this.#scans, this.#retransmissions, this.#cooldowns, witness);
    const world = { isOurs, isStray, isAnswer };
    this.#bystanders = new Bystanders(this.#knockers, this.#scans, this.#hearer, this.#endings, world);
  }

  /** Live attempts, and openings that wait. */
  get live(): number {
    return this.#slots.live + this.#scans.haste.size;
  }

  /** Much was done, and nobody is knocking any more: what it needs no longer is given back. */
  rest(): void {
    this.#slots.rest();
  }

  /** `expire` has nothing to do before this time (milliseconds); Infinity when there is no attempt. */
  get deadline(): number {
    return this.#endings.deadline;
  }

  /** Somebody waits for his door: `deadline` is not to be missed. */
  get isUrgent(): boolean {
    return this.#scans.haste.size > 0;
  }

  /** From now on these doors. Those that did not change keep their attempts; attempts at others are void. */
  setDoors(listeners: readonly Listener[]): void {
    this.#previous.forget();
    this.#knockers.ears.set(listeners);
  }

  /** One packet. `now` in milliseconds. The packet is not kept. */
  knock(packet: Packet, now: number): readonly KnockEvent[] {
    const { source, protocol } = packet;
    const key = knockKey(protocol, packet.port);
    const ear = this.#knockers.ears.ear(key);
    if (ear === undefined || this.#isAnswer(packet)) {
      if (!this.#mayBeClient(source)) return NOTHING;
      this.#isTold = this.#witness !== undefined;
      return this.#noKnock(packet, ear, this.#knockers.hash(source), now);
    }
    if (this.#previous.isLike(packet, now)) {
      this.#isTold = this.#witness !== undefined && !this.#witness.hasEnough;
      if (key === this.#idleKey && !this.#isTold) return NOTHING;
    } else {
      if (!this.#mayBeClient(source)) return NOTHING;
      this.#hash = this.#knockers.hash(source);
      this.#hearer.forget();
      this.#idleKey = NO_KEY;
      this.#isTold = this.#witness !== undefined;
    }
    const hash = this.#hash;
    if (!this.#hearer.isHeard(ear.hearings, packet)) return this.#noKnock(packet, ear, hash, now);
    // A sequence number of 0 is what hand-made headers have: no evidence that the same segment was sent again.
    const print = protocol === TCP && packet.sequence !== 0 ? fingerprint(packet) : 0;
    const count = this.#knockers.gather(source, hash);
    if (print !== 0 && this.#repeats.isOne(packet, key, print, hash, count, now)) return this.#again(packet, hash, now);

    this.#packets++;
    this.#moved = false;
    let events = NOTHING;
    const mine = this.#knockers.mine;
    for (let i = 0; i < count; i++) events = this.#goOn(mine[i]!, packet, key, hash, print, now, events);
    // 0.8 swallows the packet as long as the source has any live attempt.
    if (ear.firsts.length > 0) events = this.#begin(ear.firsts, packet, hash, print, now, events);
    else if (count === 0) this.#say(FATE.later, undefined, 0, packet, hash, now);
    this.#idleKey = events.length === 0 ? key : NO_KEY;
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
    events: readonly KnockEvent[],
  ): readonly KnockEvent[] {
    const state = this.#knockers.state(slot);
    const stage = this.#slots.stage(slot);
    if (this.#expiry.expired(slot, state.term, now)) {
      this.#say(FATE.late, state, stage, packet, hash, now, this.#slots.age(slot, now) - state.term.milliseconds);
      return join(events, this.#endings.timeout(slot, hash, now));
    }
    if (!this.#hearer.hears(state.hearing, packet)) {
      state.metAt = this.#packets;
      this.#say(this.#hearer.whyNot([state.hearing], packet), state, stage, packet, hash, now);
    } else if (state.knocks[stage] === key) {
      state.metAt = this.#packets;
      this.#endings.rememberLast(slot, hash, now);
      const scan = this.#scans.knock(packet, slot, hash, now);
      if (scan === undefined) return this.#advance(slot, state, packet, hash, print, now, events);
      this.#remember(hash, print, packet, now);
      this.#previous.forget();
      this.#say(FATE.scan, undefined, 0, packet, hash, now, scan.ports);
      return scan.event === undefined ? events : join(events, [scan.event]);
    } else if (stage === 1 && state.knocks[0] === key && this.#scans.isOver(slot, hash, state, now)) {
      this.#endings.rememberLast(slot, hash, now);
      this.#knockers.remove(slot, hash); // #begin begins it anew
    } else if (state.knocks[stage - 1] === key) {
      state.metAt = this.#packets; // a knock sent twice, from a new port. 0.8 voids the attempt.
      this.#say(FATE.twice, state, stage, packet, hash, now);
    } else {
      this.#endings.rememberLast(slot, hash, now);
      this.#remember(hash, print, packet, now);
      this.#knockers.remove(slot, hash);
      this.#say(FATE.wrong, state, stage, packet, hash, now);
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
    this.#say(FATE.stage, state, stage, packet, hash, now, age);
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
    this.#say(FATE.held, state, stage, packet, hash, now);
    return join(events, state.events.stage(state.door, knocker, stage));
  }

  /** A packet at the doors whose first knock it is: it begins there what it can, unless it has moved an attempt. */
  #begin(
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
        if (!this.#isTold) continue;
        const { fate, left } = this.#refusals.why(state, packet, hash, now);
        this.#say(fate, state, 0, packet, hash, now, left);
        continue;
      }
      const isSilent = this.#scans.isBanned(hash, state, now);
      const knocker = this.#previous.source;
      this.#say(FATE.stage, state, 1, packet, hash, now);
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

  /** What time brings: doors open that waited for a moment, and attempts are over, at most `most` of them (endings.ts). */
  expire(now: number, most = 1024): readonly KnockEvent[] {
    if (now < this.deadline) return NOTHING;
    this.#previous.forget(); // another packet of this moment may begin what this one ends
    return this.#endings.expire(now, most);
  }

  #noKnock(packet: Packet, ear: Ear | undefined, hash: number, now: number): readonly KnockEvent[] {
    const { fate, ports, event } = this.#bystanders.judge(packet, ear, hash, now);
    if (fate === FATE.stray || fate === FATE.scan) this.#previous.forget();
    if (fate !== undefined) this.#say(fate, undefined, 0, packet, hash, now, ports);
    return event === undefined ? NOTHING : [event];
  }

  /** Nobody who is let in has another kind of address, or ours: the packet is forged, or of this host itself. */
  #mayBeClient(source: Address): boolean {
    if (this.#isClient(source)) return true;
    this.#previous.forget();
    return false;
  }

  #again(packet: Packet, hash: number, now: number): readonly KnockEvent[] {
    this.#say(FATE.again, undefined, 0, packet, hash, now);
    return NOTHING;
  }

  #remember(hash: number, print: number, { port, sequence }: Packet, now: number): void {
    if (print !== 0) this.#retransmissions.remember(hash, print, now, { port, sequence });
  }

  /** What has become of the packet of this moment. */
  #say(
    fate: number,
    state: DoorState | undefined,
    stage: number,
    packet: Packet,
    hash: number,
    now: number,
    detail = 0,
  ): void {
    if (this.#isTold) this.#witness!.saw(fate, state, stage, packet, hash, now, detail);
  }
}
