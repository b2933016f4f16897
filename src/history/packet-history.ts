// The observer writes down what has become of the last packets of each source, in a megabyte, whatever comes. Who only
// knocks first somewhere is a stranger; who did more, or is followed, an acquaintance. So a flood of forged first knocks
// puts out nothing of what an honest knocker did, once he has got further than they.
// All is written down while it is quiet. Of what one moment of a flood brings (in packet-reader.ts packets that are read together
// have one time) only the beginning is: writing costs a tenth of a packet, which a flood's are not worth.

import { type DoorState, knockKey } from "../attempts/door-index.ts";
import { type Observer, VERDICT } from "../attempts/observer.ts";
import type { Door } from "../config/door.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import { type Address, copyOf, sameAddress } from "../net/address.ts";
import type { Packet } from "../net/packet.ts";
import { wallClock } from "../platform/wall-clock.ts";
import { DoorChanges } from "./door-changes.ts";
import { KnownSources } from "./known-sources.ts";
import { UnknownSources } from "./unknown-sources.ts";
import { decode, encode, knockOf, MOST_DOORS, NO_KNOCK, type Verdict } from "./verdict.ts";
import type { VerdictRecord } from "./verdict-records.ts";

/** Of one source in a row, and of all strangers, in one moment. */
const [MAX_IN_A_ROW, MAX_OF_STRANGERS] = [64, 128] as const;

/** Instead of a place among the known sources. */
const [UNKNOWN, NOWHERE] = [-1, -2] as const;

export class PacketHistory implements Observer {
  /** Who wants each verdict as it comes about. */
  onVerdict: ((verdict: Verdict) => void) | undefined;
  readonly changes = new DoorChanges();
  readonly #strangers = new UnknownSources();
  readonly #acquaintances = new KnownSources();
  /** Of all doors there have been, by the number in the entries; 0 is no one's. */
  readonly #names: string[] = [""];
  readonly #numbers = new Map<string, number>();
  #lastDoor: Door | undefined;
  #lastNumber = 0;
  #followed: Address | undefined;
  #onFollowed: (verdict: Verdict) => void = () => {};
  /** Of the packet or the attempt that the verdicts are about. */
  #source: Address = { w0: 0, w1: 0, w2: 0, w3: 0 };
  #knock = NO_KNOCK;
  #hash = 0;
  #now = Number.NEGATIVE_INFINITY;
  /** The verdicts on one source at one moment are a row. */
  #rowHash = 0;
  #rowAt = Number.NEGATIVE_INFINITY;
  #inARow = 0;
  #strangersNow = 0;
  #passedOverAt = Number.NEGATIVE_INFINITY;

  /** When something was last passed over, as too much came at once; -Infinity: never. */
  get passedOverAt(): number {
    return this.#isFlood ? this.#rowAt : this.#passedOverAt;
  }

  get isSaturated(): boolean {
    return this.#inARow > MAX_IN_A_ROW;
  }

  /** Something of this row or this moment is passed over. */
  get #isFlood(): boolean {
    return this.#inARow > MAX_IN_A_ROW || this.#strangersNow > MAX_OF_STRANGERS;
  }

  /** What these doors' names mean from now on. */
  setDoors(resolvedDoors: readonly ResolvedDoor[], now: number): void {
    this.changes.setDoors(
      resolvedDoors.map(({ door }) => door),
      now,
    );
  }

  /** All that he does is kept, also what strangers do, and told; undefined: nobody. */
  follow(source: Address | undefined, onVerdict: (verdict: Verdict) => void = () => {}): void {
    this.#followed = source;
    this.#onFollowed = onVerdict;
  }

  begin({ source, port, protocol }: Packet, hash: number, now: number): void {
    this.#source = source;
    this.#knock = knockKey(protocol, port);
    this.#hash = hash;
    this.#now = now;
  }

  beginWithout(source: Address, hash: number, now: number): void {
    this.#source = source;
    this.#knock = NO_KNOCK;
    this.#hash = hash;
    this.#now = now;
  }

  verdict(code: number, door: DoorState | undefined, stage: number, detail: number): void {
    if (this.#hash !== this.#rowHash || this.#now !== this.#rowAt) this.#newRow();
    if (this.#inARow++ >= MAX_IN_A_ROW) return;
    // Whether a packet or time has brought it about, an attempt that is complete or over has no knock of its own.
    const knock = code === VERDICT.open || code === VERDICT.timeout ? NO_KNOCK : this.#knock;
    const source = this.#source;
    const now = this.#now;
    const of = door === undefined ? 0 : door.knocks.length;
    const place = this.#placeOf(code, stage, of);
    if (place === NOWHERE) return;
    const what = encode(code, stage, of, door === undefined ? 0 : this.#numberOf(door.door));
    if (place < 0) this.#strangers.write(source, what, knock, now, detail);
    else this.#acquaintances.write(place, what, knock, now, detail);
    const isFollowed = this.#isFollowed(source);
    if (this.onVerdict === undefined && !isFollowed) return;
    const verdict = this.#verdict({ at: now, what, knock, detail, times: 1 }, copyOf(source));
    this.onVerdict?.(verdict);
    if (isFollowed) this.#onFollowed(verdict);
  }

  #newRow(): void {
    if (this.#isFlood) this.#passedOverAt = this.#rowAt;
    this.#rowHash = this.#hash;
    this.#inARow = 0;
    if (this.#now === this.#rowAt) return;
    this.#rowAt = this.#now;
    wallClock.look(this.#now);
    this.#strangersNow = 0;
  }

  /** Among the acquaintances; UNKNOWN: he is a stranger; NOWHERE: too many strangers have come at this moment. */
  #placeOf(code: number, stage: number, of: number): number {
    const place = this.#acquaintances.find(this.#hash);
    if (place >= 0) return place;
    if (isMore(code, stage, of) || this.#isFollowed(this.#source))
      return this.#acquaintances.allocate(this.#hash, copyOf(this.#source));
    return ++this.#strangersNow > MAX_OF_STRANGERS ? NOWHERE : UNKNOWN;
  }

  /** The oldest first. */
  of(source: Address): Verdict[] {
    const entries = [...this.#strangers.of(source), ...this.#acquaintances.of(source)]; // none was a stranger later
    return entries.map((entry) => this.#verdict(entry, source));
  }

  /** Who knocked last. */
  last(): Address | undefined {
    const lasts = [this.#strangers.last(), this.#acquaintances.last()];
    return lasts.reduce((a, b) => (b !== undefined && (a === undefined || b.at > a.at) ? b : a))?.source;
  }

  #verdict({ at, what, knock, detail, times }: VerdictRecord, knocker: Address): Verdict {
    const { fate, stage, of, door } = decode(what);
    return { at, knocker, fate, door: this.#names[door] || undefined, stage, of, detail, times, knock: knockOf(knock) };
  }

  #isFollowed(source: Address): boolean {
    return this.#followed !== undefined && sameAddress(this.#followed, source);
  }

  #numberOf(door: Door): number {
    if (door === this.#lastDoor) return this.#lastNumber;
    this.#lastDoor = door;
    this.#lastNumber = this.#numbers.get(door.name) ?? this.#newNumber(door.name);
    return this.#lastNumber;
  }

  #newNumber(name: string): number {
    if (this.#names.length === MOST_DOORS) return 0; // after as many reloads: then no one's
    this.#numbers.set(name, this.#names.length);
    return this.#names.push(name) - 1;
  }
}

/** More than a stranger does: to forge it, one has to know two knocks that follow each other. */
function isMore(fate: number, stage: number, of: number): boolean {
  return stage > 1 || fate === VERDICT.wrong || fate === VERDICT.scan || (fate === VERDICT.open && of > 1);
}
