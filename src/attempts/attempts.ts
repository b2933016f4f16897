// The state machine: (packet, time) → events. Pure: no clock, no file, no process.
// The rules are 0.8's (README, "Differences from knockd 0.8", names those that are not).

import { type Address, isHostAddress } from "../net/address.ts";
import { type Packet, TCP } from "../net/packet.ts";
import { Bystanders } from "./bystanders.ts";
import { type Ear, knockKey, type Listener } from "./ears.ts";
import { Endings } from "./endings.ts";
import { type KnockEvent, NOTHING } from "./event.ts";
import { Hearer } from "./hearer.ts";
import { Knockers } from "./knockers.ts";
import { Moves } from "./moves.ts";
import { Pauses } from "./pauses.ts";
import { Previous } from "./previous.ts";
import { Refusals } from "./refusals.ts";
import { Repeats } from "./repeats.ts";
import { fingerprint, Retransmissions } from "./retransmissions.ts";
import { Scans } from "./scans.ts";
import type { Clear } from "./slots.ts";
import { Telling } from "./telling.ts";
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
  readonly #repeats: Repeats;
  readonly #isAnswer: (packet: Packet) => boolean;
  readonly #scans: Scans;
  readonly #bystanders: Bystanders;
  readonly #moves: Moves;
  readonly #endings: Endings;
  readonly #telling: Telling;
  readonly #previous = new Previous();
  /** The knock of the packet before, if nothing came of it: then nothing comes of another one like it. */
  #idleKey = NO_KEY;
  /** Its source's. */
  #hash = 0;

  constructor(options: AttemptsOptions) {
    const { isOurs, isClient = isHostAddress, isStray, isAnswer = () => false, hashKey } = options;
    const { capacity = MOST_ATTEMPTS, clear, witness } = options;
    const hearer = new Hearer(isOurs);
    const telling = new Telling(witness);
    const knockers = new Knockers(hashKey, capacity, clear);
    const retransmissions = new Retransmissions();
    const cooldowns = new Pauses();
    const scans = new Scans(knockers, hearer, hashKey);
    const refusals = new Refusals(hearer, scans, cooldowns);
    const endings = new Endings(knockers, scans, retransmissions, cooldowns, witness);
    const previous = this.#previous;
    this.#isClient = isClient;
    this.#hearer = hearer;
    this.#isAnswer = isAnswer;
    this.#telling = telling;
    this.#knockers = knockers;
    this.#repeats = new Repeats(knockers, retransmissions);
    this.#scans = scans;
    this.#endings = endings;
    this.#bystanders = new Bystanders(knockers, scans, hearer, endings, { isOurs, isStray, isAnswer });
    this.#moves = new Moves({ knockers, hearer, scans, refusals, retransmissions, endings, previous, telling });
  }

  /** Live attempts, and openings that wait. */
  get live(): number {
    return this.#knockers.slots.live + this.#scans.haste.size;
  }

  /** Much was done, and nobody is knocking any more: what it needs no longer is given back. */
  rest(): void {
    this.#knockers.slots.rest();
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
      this.#telling.begin(false);
      return this.#noKnock(packet, ear, this.#knockers.hash(source), now);
    }
    if (this.#previous.isLike(packet, now)) {
      this.#telling.begin(true);
      if (key === this.#idleKey && !this.#telling.isOn) return NOTHING;
    } else {
      if (!this.#mayBeClient(source)) return NOTHING;
      this.#hash = this.#knockers.hash(source);
      this.#hearer.forget();
      this.#idleKey = NO_KEY;
      this.#telling.begin(false);
    }
    const hash = this.#hash;
    if (!this.#hearer.isHeard(ear.hearings, packet)) return this.#noKnock(packet, ear, hash, now);
    // A sequence number of 0 is what hand-made headers have: no evidence that the same segment was sent again.
    const print = protocol === TCP && packet.sequence !== 0 ? fingerprint(packet) : 0;
    const count = this.#knockers.gather(source, hash);
    if (print !== 0 && this.#repeats.isOne(packet, key, print, hash, count, now)) return this.#again(packet, hash, now);

    this.#moves.next();
    let events = NOTHING;
    const mine = this.#knockers.mine;
    for (let i = 0; i < count; i++) events = this.#moves.goOn(mine[i]!, packet, key, hash, print, now, events);
    // 0.8 swallows the packet as long as the source has any live attempt.
    if (ear.firsts.length > 0) events = this.#moves.begin(ear.firsts, packet, hash, print, now, events);
    else if (count === 0) this.#telling.say(FATE.later, undefined, 0, packet, hash, now);
    this.#idleKey = events.length === 0 ? key : NO_KEY;
    return events;
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
    if (fate !== undefined) this.#telling.say(fate, undefined, 0, packet, hash, now, ports);
    return event === undefined ? NOTHING : [event];
  }

  /** Nobody who is let in has another kind of address, or ours: the packet is forged, or of this host itself. */
  #mayBeClient(source: Address): boolean {
    if (this.#isClient(source)) return true;
    this.#previous.forget();
    return false;
  }

  #again(packet: Packet, hash: number, now: number): readonly KnockEvent[] {
    this.#telling.say(FATE.again, undefined, 0, packet, hash, now);
    return NOTHING;
  }
}
