// Recognises port scans: a source in the middle of a sequence sends packets to too many ports that are no knocks ("strays").
// Each door decides by its own flags, protocols and addresses: a packet that would be a knock on one of its ports is a stray
// on any other port. A scan voids the attempt, and bans the source at that door (bans.ts).

import { strayLimit } from "../config/door.ts";
import type { KnockEvent } from "../events/knock-event.ts";
import { copyOf } from "../net/address.ts";
import { knockKey } from "../net/knock-key.ts";
import type { Packet } from "../net/packet.ts";
import type { AttemptTable } from "./attempt-table.ts";
import { Bans } from "./bans.ts";
import type { DoorState } from "./door-state.ts";
import { HeldOpenings } from "./held-openings.ts";
import type { PacketMatcher } from "./packet-matcher.ts";
import { type StrayPorts, strayBit } from "./stray-ports.ts";

/** `ports`: how many stray ports made it a scan. `event` is undefined if the scan has been reported before. */
export interface Scan {
  readonly ports: number;
  readonly event: KnockEvent | undefined;
}

export class ScanDetector {
  readonly held = new HeldOpenings();
  readonly bans = new Bans();
  readonly #table: AttemptTable;
  readonly #matcher: PacketMatcher;
  readonly #hashKey: readonly [number, number];

  constructor(table: AttemptTable, matcher: PacketMatcher, hashKey: readonly [number, number]) {
    this.#table = table;
    this.#matcher = matcher;
    this.#hashKey = hashKey;
  }

  /** Did this attempt begin as the one more try of a banned source, and has the ban ended since? */
  isOver(slot: number, hash: number, state: DoorState, now: number): boolean {
    return this.#table.pool.strays.isSilent(slot) && !this.bans.isActive(hash, state, now);
  }

  /** Must an opening wait whose attempt took `age` milliseconds, because the attempt may be part of a scan? */
  isSuspiciouslyFast(age: number, hash: number, state: DoorState): boolean {
    return strayLimit(state.door.policy) > 0 && this.held.shouldHold(age, hash, state);
  }

  /** Is a packet that is no knock a stray for any door at which its source has one of `count` attempts, or a held opening? */
  isStray(packet: Packet, hash: number, count: number): boolean {
    const { collected } = this.#table;
    for (let i = 0; i < count; i++) if (this.#isStrayFor(this.#table.state(collected[i]!), packet)) return true;
    return this.held.heldFor(hash, packet.source).some(({ state }) => this.#isStrayFor(state, packet));
  }

  /** Records a stray at each of the source's `count` collected attempts. Removes attempts that turn out to be scans. */
  recordStray(packet: Packet, hash: number, count: number, now: number): Scan {
    const { collected, pool } = this.#table;
    const bit = strayBit(this.#hashKey, knockKey(packet.protocol, packet.port));
    const found = new Finding();
    for (let i = 0; i < count; i++) {
      const slot = collected[i]!;
      const state = this.#table.state(slot);
      if (!this.#isStrayFor(state, packet)) continue;
      pool.strays.record(slot, bit, packet.ttl);
      const ports = scannedPorts(state, pool.strays, slot);
      if (ports === 0) continue;
      found.add(ports, this.#ban(state, hash, now, pool.strays.isSilent(slot)));
      this.#table.remove(slot, hash);
    }
    for (const opening of this.held.heldFor(hash, packet.source)) {
      if (!this.#isStrayFor(opening.state, packet)) continue;
      opening.strays.record(0, bit, packet.ttl);
      const ports = scannedPorts(opening.state, opening.strays, 0);
      if (ports === 0) continue;
      found.add(ports, this.#ban(opening.state, hash, now, opening.strays.isSilent(0)));
      this.held.drop(opening);
    }
    return found.of(packet);
  }

  /**
   * Records the next knock of an attempt. If its TTL is far from the first knock's, strays of any TTL count: that may make
   * the attempt a scan, which removes it. Returns undefined if it is none.
   */
  knock(packet: Packet, slot: number, hash: number, now: number): Scan | undefined {
    const hasStrays = this.#table.pool.strays.knock(slot, packet.ttl);
    return hasStrays ? this.#recheck(packet, slot, hash, now) : undefined;
  }

  #recheck(packet: Packet, slot: number, hash: number, now: number): Scan | undefined {
    const { strays } = this.#table.pool;
    const state = this.#table.state(slot);
    const ports = scannedPorts(state, strays, slot);
    if (ports === 0) return undefined;
    const found = new Finding();
    found.add(ports, this.#ban(state, hash, now, strays.isSilent(slot)));
    this.#table.remove(slot, hash);
    return found.of(packet);
  }

  #isStrayFor(state: DoorState, packet: Packet): boolean {
    return state.protocols.has(packet.protocol) && this.#matcher.matchesUncached(state.rule, packet);
  }

  /** Returns the seconds to report; undefined when the ban of a silent attempt goes on, which is not reported again. */
  #ban(state: DoorState, hash: number, now: number, isSilent: boolean): number | undefined {
    this.bans.add(hash, state, now, isSilent);
    return isSilent ? undefined : state.door.policy.banTime;
  }
}

/** The number of stray ports of an attempt if it is a scan. Otherwise 0. */
function scannedPorts(state: DoorState, strays: StrayPorts, attempt: number): number {
  const limit = strayLimit(state.door.policy);
  if (limit === 0) return 0;
  const ports = strays.count(attempt);
  return ports < limit ? 0 : ports;
}

/** Collects what several doors conclude from one packet: the most ports and the longest ban. */
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
