// Who scans: a source in the middle of a sequence that touches too many ports which are no knocks. Each door judges for
// itself, by its own flags, protocols and addresses: what it would take for a knock at the port of one, it takes for a stray
// at any other. It voids that source's attempt, and is deaf to it for a while.
//
// Whoever forges a client's address can have it banned. So a banned source may try once more, in silence: if it completes
// the sequence, it comes in, and is banned no longer. One try a ban is no help to a scanner.

import { strayLimit } from "../config/door.ts";
import type { KnockEvent } from "../events/knock-event.ts";
import { copyOf } from "../net/address.ts";
import type { Packet } from "../net/packet.ts";
import type { AttemptTable } from "./attempt-table.ts";
import { Cooldowns, cooldownKey } from "./cooldowns.ts";
import { type DoorState, knockKey } from "./door-index.ts";
import { HeldOpenings } from "./held-openings.ts";
import type { PacketMatcher } from "./packet-matcher.ts";
import { type StrayPorts, strayBit } from "./stray-ports.ts";

/** What is found of a packet. `event`: undefined when it is not told again. */
export interface Scan {
  readonly ports: number;
  readonly event: KnockEvent | undefined;
}

export class ScanDetector {
  readonly held = new HeldOpenings();
  readonly #table: AttemptTable;
  readonly #matcher: PacketMatcher;
  readonly #hashKey: readonly [number, number];
  readonly #bans = new Cooldowns();
  /** Bans whose one more try is used. */
  readonly #tries = new Cooldowns();

  constructor(table: AttemptTable, hearer: PacketMatcher, hashKey: readonly [number, number]) {
    this.#table = table;
    this.#matcher = hearer;
    this.#hashKey = hashKey;
  }

  isBanned(hash: number, state: DoorState, now: number): boolean {
    return this.#bans.isActive(cooldownKey(hash, state), now);
  }

  /** Milliseconds. */
  banLeft(hash: number, state: DoorState, now: number): number {
    return this.#bans.remaining(cooldownKey(hash, state), now);
  }

  /** Has a banned source its one more try still before it? */
  mayTryAgain(hash: number, state: DoorState, now: number): boolean {
    return !this.#tries.isActive(cooldownKey(hash, state), now);
  }

  tryAgain(hash: number, state: DoorState, now: number): void {
    this.#tries.set(cooldownKey(hash, state), now + this.banLeft(hash, state, now));
  }

  /** Did this attempt begin as one more try, and has the ban ended meanwhile? */
  isOver(slot: number, hash: number, state: DoorState, now: number): boolean {
    return this.#table.pool.strays.isSilent(slot) && !this.isBanned(hash, state, now);
  }

  /** It has completed the sequence. */
  forgive(hash: number, state: DoorState, now: number): void {
    this.#bans.set(cooldownKey(hash, state), now);
    this.#tries.set(cooldownKey(hash, state), now);
  }

  /** An opening whose attempt took `age` milliseconds: has it to wait, as it may be a scan's? */
  isSuspiciouslyFast(age: number, hash: number, state: DoorState): boolean {
    return strayLimit(state.door.policy) > 0 && this.held.shouldHold(age, hash, state);
  }

  /** A packet that is no knock: does the door of an attempt of its source, or of an opening that waits, mind it? */
  isMinded(packet: Packet, hash: number, count: number): boolean {
    const { collected } = this.#table;
    for (let i = 0; i < count; i++) if (this.#minds(this.#table.state(collected[i]!), packet)) return true;
    return this.held.heldFor(hash, packet.source).some(({ state }) => this.#minds(state, packet));
  }

  /** A stray of a source that has `count` live attempts, gathered in attempt-table.ts. Those that make a scan of it are void. */
  recordStray(packet: Packet, hash: number, count: number, now: number): Scan {
    const { collected, pool } = this.#table;
    const bit = strayBit(this.#hashKey, knockKey(packet.protocol, packet.port));
    const found = new Finding();
    for (let i = 0; i < count; i++) {
      const slot = collected[i]!;
      const state = this.#table.state(slot);
      if (!this.#minds(state, packet)) continue;
      pool.strays.record(slot, bit, packet.ttl);
      const ports = scannedPorts(state, pool.strays, slot);
      if (ports === 0) continue;
      found.add(ports, this.#ban(state, hash, now, pool.strays.isSilent(slot)));
      this.#table.remove(slot, hash);
    }
    for (const opening of this.held.heldFor(hash, packet.source)) {
      if (!this.#minds(opening.state, packet)) continue;
      opening.strays.record(0, bit, packet.ttl);
      const ports = scannedPorts(opening.state, opening.strays, 0);
      if (ports === 0) continue;
      found.add(ports, this.#ban(opening.state, hash, now, opening.strays.isSilent(0)));
      this.held.drop(opening);
    }
    return found.of(packet);
  }

  /** The next knock of an attempt. If it comes from elsewhere, it may show that the attempt is a scan's: then that is void. */
  knock(packet: Packet, slot: number, hash: number, now: number): Scan | undefined {
    const { strays } = this.#table.pool;
    strays.knock(slot, packet.ttl);
    const state = this.#table.state(slot);
    const ports = scannedPorts(state, strays, slot);
    if (ports === 0) return undefined;
    const found = new Finding();
    found.add(ports, this.#ban(state, hash, now, strays.isSilent(slot)));
    this.#table.remove(slot, hash);
    return found.of(packet);
  }

  #minds(state: DoorState, packet: Packet): boolean {
    return state.protocols.has(packet.protocol) && this.#matcher.wouldHear(state.rule, packet);
  }

  /** Returns the seconds to report; undefined when the ban of a silent attempt goes on, which is not reported again. */
  #ban(state: DoorState, hash: number, now: number, isSilent: boolean): number | undefined {
    const { banTime } = state.door.policy;
    const key = cooldownKey(hash, state);
    const until = now + 1000 * banTime;
    this.#bans.set(key, until);
    if (!isSilent) return banTime;
    this.#tries.set(key, until);
    return undefined;
  }
}

/** The stray ports of an attempt, if they are so many that it is a scan; otherwise 0. */
function scannedPorts(state: DoorState, strays: StrayPorts, attempt: number): number {
  const limit = strayLimit(state.door.policy);
  if (limit === 0) return 0;
  const ports = strays.count(attempt);
  return ports < limit ? 0 : ports;
}

/** What several doors make of one packet. */
class Finding {
  #ports = 0;
  #seconds: number | undefined;

  add(ports: number, seconds: number | undefined): void {
    this.#ports = Math.max(this.#ports, ports);
    if (seconds !== undefined) this.#seconds = Math.max(this.#seconds ?? 0, seconds);
  }

  of({ source }: Packet): Scan {
    const [ports, seconds] = [this.#ports, this.#seconds];
    const isTold = seconds !== undefined;
    return { ports, event: isTold ? { type: "scan", knocker: copyOf(source), ports, seconds } : undefined };
  }
}
