// The observer that records the verdicts on the last packets of each source, in one megabyte. A source that makes only
// first knocks is unknown. A source that does more, or is followed, is known. So a flood of forged first knocks
// overwrites nothing about an honest client that has got further. Normally every verdict is recorded. During a flood,
// packets that packet-reader.ts reads together have the same time, and only the first of them are recorded: recording
// costs a tenth of a packet's time.

import type { ResolvedDoor } from "../config/resolved-door.ts";
import type { DoorRef } from "../events/knock-event.ts";
import {
  codeDetail,
  isOfCode,
  type ObservedDoor,
  type Observer,
  splitCodeDetail,
  VERDICT,
} from "../events/observer.ts";
import { type Address, copyOf, sameAddress } from "../net/address.ts";
import { knockKey } from "../net/knock-key.ts";
import type { Packet } from "../net/packet.ts";
import { wallClock } from "../platform/wall-clock.ts";
import { DoorChanges } from "./door-changes.ts";
import { KnownSources } from "./known-sources.ts";
import { UnknownSources } from "./unknown-sources.ts";
import { decode, encode, knockOf, MAX_DOORS, NO_KNOCK, type Verdict } from "./verdict.ts";
import type { VerdictRecord } from "./verdict-records.ts";

/** The limits of verdicts recorded with the same time: for one source in a row, and for all unknown sources. */
const [MAX_IN_A_ROW, MAX_OF_UNKNOWN] = [64, 128] as const;

/** Used in place of a number among the known sources. */
const [UNKNOWN, NOWHERE] = [-1, -2] as const;

export class PacketHistory implements Observer {
  /** Called immediately with each verdict. */
  onVerdict: ((verdict: Verdict) => void) | undefined;
  readonly changes = new DoorChanges();
  readonly #unknownSources = new UnknownSources();
  readonly #knownSources = new KnownSources();
  /** The names of all doors so far, by their number in the entries. 0 stands for no door. */
  readonly #names: string[] = [""];
  readonly #numbers = new Map<string, number>();
  /** The names of clients, by their number in the entries. */
  readonly #clients: string[] = [];
  #lastDoor: DoorRef | undefined;
  #lastNumber = 0;
  #followed: Address | undefined;
  #onFollowed: (verdict: Verdict) => void = () => {};
  /** The source of the packet or attempt that the verdicts are about. */
  #source: Address = { w0: 0, w1: 0, w2: 0, w3: 0 };
  #knock = NO_KNOCK;
  #hash = 0;
  #now = Number.NEGATIVE_INFINITY;
  /** Verdicts on the same source with the same time are a row. */
  #rowHash = 0;
  #rowAt = Number.NEGATIVE_INFINITY;
  #inARow = 0;
  #unknownNow = 0;
  #passedOverAt = Number.NEGATIVE_INFINITY;

  /** When a flood last kept a verdict from being recorded; -Infinity: never. */
  get passedOverAt(): number {
    return this.#isFlood ? this.#rowAt : this.#passedOverAt;
  }

  get isSaturated(): boolean {
    return this.#inARow > MAX_IN_A_ROW;
  }

  /** Are the verdicts of this row, or with this time, not recorded? */
  get #isFlood(): boolean {
    return this.#inARow > MAX_IN_A_ROW || this.#unknownNow > MAX_OF_UNKNOWN;
  }

  /** The doors from now on. */
  setDoors(resolvedDoors: readonly ResolvedDoor[], now: number): void {
    this.changes.setDoors(
      resolvedDoors.map(({ door }) => door),
      now,
    );
  }

  /** Records and reports every verdict on this source. Undefined: follows none. */
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

  verdict(code: number, door: ObservedDoor | undefined, stage: number, detail: number): void {
    if (this.#hash !== this.#rowHash || this.#now !== this.#rowAt) this.#newRow();
    if (this.#inARow++ >= MAX_IN_A_ROW) return;
    // An attempt that is complete or over has no knock of its own, whether a packet or time has caused that.
    const knock = code === VERDICT.open || code === VERDICT.timeout ? NO_KNOCK : this.#knock;
    const source = this.#source;
    const now = this.#now;
    const of = door === undefined ? 0 : door.ref.knocks;
    const place = this.#placeOf(code, stage, of);
    if (place === NOWHERE) return;
    const what = encode(code, stage, of, door === undefined ? 0 : this.#numberOf(door.ref));
    const kept = isOfCode(code) ? this.#codeDetail(door!, detail) : detail;
    if (place < 0) this.#unknownSources.write(source, what, knock, now, kept);
    else this.#knownSources.write(place, what, knock, now, kept);
    const isFollowed = this.#isFollowed(source);
    if (this.onVerdict === undefined && !isFollowed) return;
    const verdict = this.#verdict({ at: now, what, knock, detail: kept, times: 1 }, copyOf(source));
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
    this.#unknownNow = 0;
  }

  /** The place among the known sources. UNKNOWN: it is not known. NOWHERE: too many unknown sources at this time. */
  #placeOf(code: number, stage: number, of: number): number {
    const place = this.#knownSources.find(this.#hash);
    if (place >= 0) return place;
    if (isMore(code, stage, of) || this.#isFollowed(this.#source))
      return this.#knownSources.allocate(this.#hash, copyOf(this.#source));
    return ++this.#unknownNow > MAX_OF_UNKNOWN ? NOWHERE : UNKNOWN;
  }

  /** Oldest first. */
  of(source: Address): Verdict[] {
    const entries = [...this.#unknownSources.of(source), ...this.#knownSources.of(source)]; // a known source never becomes unknown again
    return entries.map((entry) => this.#verdict(entry, source));
  }

  /** The source that knocked last. */
  last(): Address | undefined {
    const lasts = [this.#unknownSources.last(), this.#knownSources.last()];
    return lasts.reduce((a, b) => (b !== undefined && (a === undefined || b.at > a.at) ? b : a))?.source;
  }

  #verdict({ at, what, knock, detail, times }: VerdictRecord, knocker: Address): Verdict {
    const { kind, stage, of, door } = decode(what);
    const verdict = {
      at,
      knocker,
      kind,
      door: this.#names[door] || undefined,
      stage,
      of,
      times,
      knock: knockOf(knock),
    };
    if (!isOfCode(VERDICT[kind])) return { ...verdict, detail };
    const { client, value } = splitCodeDetail(detail);
    return { ...verdict, detail: value, client: this.#clients[client] };
  }

  /** Replaces the client's number by one that stays the same after a reload. */
  #codeDetail({ codes }: ObservedDoor, detail: number): number {
    const { client, value } = splitCodeDetail(detail);
    const name = codes!.clients[client]!.name;
    let number = this.#clients.indexOf(name);
    if (number < 0) number = this.#clients.push(name) - 1;
    return codeDetail(number, value);
  }

  #isFollowed(source: Address): boolean {
    return this.#followed !== undefined && sameAddress(this.#followed, source);
  }

  #numberOf(door: DoorRef): number {
    if (door === this.#lastDoor) return this.#lastNumber;
    this.#lastDoor = door;
    this.#lastNumber = this.#numbers.get(door.name) ?? this.#newNumber(door.name);
    return this.#lastNumber;
  }

  #newNumber(name: string): number {
    if (this.#names.length === MAX_DOORS) return 0; // after very many reloads: no door
    this.#numbers.set(name, this.#names.length);
    return this.#names.push(name) - 1;
  }
}

/** Is this more than a first knock? To forge it takes two consecutive knocks of a sequence. */
function isMore(kind: number, stage: number, of: number): boolean {
  return stage > 1 || kind === VERDICT.wrong || kind === VERDICT.scan || (kind === VERDICT.open && of > 1);
}
