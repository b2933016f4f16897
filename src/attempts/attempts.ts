// The state machine: (packet, time) → events. Pure: no clock, no file, no process.
// The rules are 0.8's (README, "Differences from knockd 0.8", names those that are not).

import { type Address, sameAddress } from "../address.ts";
import type { Door } from "../config/door.ts";
import { flagsMatch } from "../config/tcp-flags.ts";
import { AddressHash } from "./address-hash.ts";
import { type DoorState, type Ear, Ears, type Hearing, knockKey, type Listener } from "./ears.ts";
import { Expiry } from "./expiry.ts";
import { type Packet, TCP } from "./packet.ts";
import { Pauses } from "./pauses.ts";
import { fingerprint, Retransmissions } from "./retransmissions.ts";
import { type Clear, NONE, Slots } from "./slots.ts";
import { Strays } from "./strays.ts";

export type KnockEvent =
  | { readonly type: "stage"; readonly door: Door; readonly knocker: Address; readonly stage: number }
  | { readonly type: "open"; readonly door: Door; readonly knocker: Address }
  | { readonly type: "timeout"; readonly door: Door; readonly knocker: Address; readonly stage: number }
  | { readonly type: "scan"; readonly knocker: Address; readonly ports: number; readonly seconds: number };

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
  readonly #hash: AddressHash;
  readonly #slots: Slots;
  readonly #expiry: Expiry;
  readonly #ears: Ears;
  readonly #retransmissions = new Retransmissions();
  readonly #isStray: (packet: Packet) => boolean;
  readonly #strays = new Strays();
  readonly #bans = new Pauses();
  readonly #cooldowns = new Pauses();
  #packets = 0;
  /** What was found to hear the packet of this moment. */
  #heard: Hearing | undefined;
  /** Has it brought an attempt one stage further? */
  #moved = false;
  /** The live attempts of the packet's source, `#gather` says how many: one array for all packets. */
  #mine = new Int32Array(16);

  constructor({ isOurs, isStray, hashKey, capacity = MOST_ATTEMPTS, clear }: AttemptsOptions) {
    this.#isOurs = isOurs;
    this.#isStray = isStray;
    this.#hash = new AddressHash(hashKey);
    this.#slots = new Slots(capacity, clear);
    this.#expiry = new Expiry(this.#slots);
    this.#ears = new Ears(this.#expiry);
  }

  /** Live attempts. */
  get live(): number {
    return this.#slots.live;
  }

  /** `expire` has nothing to do before this time (milliseconds); Infinity when there is no attempt. */
  get deadline(): number {
    return this.#expiry.deadline;
  }

  /** From now on these doors. Those that did not change keep their attempts; attempts at others are void. */
  setDoors(listeners: readonly Listener[]): void {
    this.#ears.set(listeners);
  }

  /** One packet. `now` in milliseconds. The packet is not kept. */
  knock(packet: Packet, now: number): readonly KnockEvent[] {
    const { source, protocol } = packet;
    const key = knockKey(protocol, packet.port);
    const ear = this.#ears.ear(key);
    if (ear === undefined) return this.#slots.live > 0 ? this.#stray(packet, now) : NOTHING;
    if (!this.#isHeard(ear, packet)) return NOTHING;
    const hash = this.#hash.of(source);
    const print = protocol === TCP ? fingerprint(packet) : 0;
    // Sent again because no answer came: the same knock. 0.8 voids the attempt.
    if (print !== 0 && this.#retransmissions.has(hash, print, now)) return NOTHING;
    const count = this.#gather(source, hash);
    const mine = this.#mine;
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
    const state = this.#state(slot);
    const stage = this.#slots.stage(slot);
    if (this.#expiry.expired(slot, state.term, now)) return add(events, this.#timeout(slot, hash, now));
    if (!this.#hears(state.hearing, packet)) {
      state.metAt = this.#packets;
    } else if (state.knocks[stage] === key) {
      this.#moved = true;
      this.#remember(hash, this.#slots.print(slot), now);
      const knocker = copy(packet.source);
      const told = add(events, { type: "stage", door: state.door, knocker, stage: stage + 1 });
      if (stage + 1 === state.knocks.length) {
        this.#remove(slot, hash);
        return add(told, this.#open(state, knocker, hash, print, now));
      }
      this.#slots.advance(slot, print);
      return told;
    } else if (state.knocks[stage - 1] === key) {
      state.metAt = this.#packets; // a knock sent twice, from a new port. 0.8 voids the attempt.
    } else {
      this.#remember(hash, this.#slots.print(slot), now);
      this.#remember(hash, print, now);
      this.#remove(slot, hash);
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
      const pause = pauseKey(hash, state);
      if (this.#bans.isOn(pause, now) || this.#cooldowns.isOn(pause, now)) continue;
      const knocker = copy(packet.source);
      events = add(events, { type: "stage", door: state.door, knocker, stage: 1 });
      if (state.knocks.length > 1) this.#take(state, packet.source, hash, print, now);
      else events = add(events, this.#open(state, knocker, hash, print, now));
    }
    return events;
  }

  /** The attempts whose time is over, at most `most` of them: while more wait, `deadline` is not later than `now`. */
  expire(now: number, most = 1024): readonly KnockEvent[] {
    if (now < this.#expiry.deadline) return NOTHING;
    const events: KnockEvent[] = [];
    this.#expiry.drain(now, most, (slot) => {
      const hash = this.#hash.of(this.#slots.source(slot));
      if (this.#state(slot).retired) this.#remove(slot, hash);
      else events.push(this.#timeout(slot, hash, now));
    });
    return events;
  }

  /** A port that is no knock, touched by a source in the middle of a sequence: too many, and it is a scan. */
  #stray(packet: Packet, now: number): readonly KnockEvent[] {
    const { source, port, protocol } = packet;
    const hash = this.#hash.of(source);
    if (this.#slots.first(hash, source) === NONE || !this.#isOurs(packet.destination)) return NOTHING;
    const count = this.#gather(source, hash);
    if (count === 0 || !this.#isStray(packet)) return NOTHING;
    const at = Math.floor(now); // as slots.ts keeps times
    if (protocol === TCP) this.#strays.touch(hash, port, at);
    let ports = 0;
    let seconds = 0;
    for (let i = 0; i < count; i++) {
      const slot = this.#mine[i]!;
      const { policy } = this.#state(slot).door;
      const limit = strayLimit(this.#state(slot).door);
      if (limit === 0 || (protocol !== TCP && !policy.strict)) continue;
      const touched = protocol === TCP ? this.#strays.count(hash, at - this.#slots.age(slot, now)) : 1;
      if (touched < limit) continue;
      ports = Math.max(ports, touched);
      seconds = Math.max(seconds, policy.banTime);
      this.#bans.begin(pauseKey(hash, this.#state(slot)), now + 1000 * policy.banTime);
      this.#remove(slot, hash);
    }
    if (ports === 0) return NOTHING;
    return [{ type: "scan", knocker: copy(source), ports, seconds }];
  }

  #state(slot: number): DoorState {
    return this.#ears.door(this.#slots.door(slot));
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

  /** Puts a source's slots into #mine in the order of their doors, and frees those of retired doors on the way. */
  #gather(source: Address, hash: number): number {
    let count = 0;
    for (let slot = this.#slots.first(hash, source); slot !== NONE; ) {
      const following = this.#slots.following(slot, source);
      if (this.#state(slot).retired) this.#remove(slot, hash);
      else {
        if (count === this.#mine.length) {
          const more = new Int32Array(2 * count);
          more.set(this.#mine);
          this.#mine = more;
        }
        this.#mine[count++] = slot;
      }
      slot = following;
    }
    if (count > 1) this.#sort(count);
    return count;
  }

  #sort(count: number): void {
    this.#mine.subarray(0, count).sort((a, b) => this.#state(a).order - this.#state(b).order);
  }

  /** Takes a slot for a new attempt. */
  #take(state: DoorState, source: Address, hash: number, print: number, now: number): void {
    if (this.#slots.live === this.#slots.capacity) {
      const victim = this.#expiry.victim(now);
      this.#remove(victim, this.#hash.of(this.#slots.source(victim)));
    }
    this.#slots.add(hash, source, state.number, print, now, state.term.fresh);
    this.#expiry.begun(state.term, now);
    state.live++;
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
    const { door } = this.#state(slot);
    const print = this.#slots.print(slot);
    if (print !== 0) this.#retransmissions.rememberIfFree(hash, print, now);
    const event = { type: "timeout", door, knocker: this.#slots.source(slot), stage: this.#slots.stage(slot) } as const;
    this.#remove(slot, hash);
    return event;
  }

  #remove(slot: number, hash: number): void {
    const state = this.#state(slot);
    this.#slots.remove(slot, hash, this.#expiry.queue(slot, state.term));
    state.live--;
  }

  #remember(hash: number, print: number, now: number): void {
    if (print !== 0) this.#retransmissions.remember(hash, print, now);
  }
}

/** So many different stray ports are a scan to this door; 0: none are. */
function strayLimit({ policy }: Door): number {
  return policy.strict ? 1 : policy.maxStrays;
}

function pauseKey(sourceHash: number, state: DoorState): number {
  return Math.imul(sourceHash ^ Math.imul(state.number + 1, 0x85ebca6b), 0xc2b2ae35);
}

function add(events: KnockEvent[], event: KnockEvent): KnockEvent[] {
  if (events === NOTHING) return [event];
  events.push(event);
  return events;
}

function copy({ w0, w1, w2, w3 }: Address): Address {
  return { w0, w1, w2, w3 };
}
