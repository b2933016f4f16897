// Who scans: a source in the middle of a sequence that touches too many ports which are no knocks. Each door judges for
// itself, voids that source's attempt and is deaf to it for a while.

import { copyOf } from "../address.ts";
import type { DoorState } from "./ears.ts";
import type { KnockEvent } from "./event.ts";
import { Haste } from "./haste.ts";
import type { Knockers } from "./knockers.ts";
import { type Packet, TCP } from "./packet.ts";
import { Pauses, pauseKey } from "./pauses.ts";
import { Strays } from "./strays.ts";

export class Scans {
  readonly haste = new Haste();
  readonly #knockers: Knockers;
  readonly #strays = new Strays();
  readonly #bans = new Pauses();

  constructor(knockers: Knockers) {
    this.#knockers = knockers;
  }

  isBanned(hash: number, state: DoorState, now: number): boolean {
    return this.#bans.isOn(pauseKey(hash, state), now);
  }

  /** Milliseconds. */
  banLeft(hash: number, state: DoorState, now: number): number {
    return this.#bans.left(pauseKey(hash, state), now);
  }

  /** An opening whose attempt took `age` milliseconds: has it to wait, as it may be a scan's? */
  mayBeOne(age: number, hash: number, state: DoorState): boolean {
    return strayLimit(state) > 0 && this.haste.mustWait(age, hash, state);
  }

  /**
   * A stray of a source that has `count` live attempts, gathered in knockers.ts. Those at doors that call it a scan are
   * void, and so are its openings that wait: the event that tells of it.
   */
  touch({ source, port, protocol }: Packet, hash: number, count: number, now: number): KnockEvent | undefined {
    const { mine, slots } = this.#knockers;
    const at = Math.floor(now); // as slots.ts keeps times
    if (protocol === TCP) this.#strays.touch(hash, port, at);
    let [most, seconds] = [0, 0];
    const isScan = (state: DoorState, since: number): boolean => {
      const ports = this.#scanned(state, protocol, hash, since);
      if (ports === 0) return false;
      const { banTime } = state.door.policy;
      this.#bans.begin(pauseKey(hash, state), now + 1000 * banTime);
      [most, seconds] = [Math.max(most, ports), Math.max(seconds, banTime)];
      return true;
    };
    for (let i = 0; i < count; i++) {
      const slot = mine[i]!;
      if (isScan(this.#knockers.state(slot), at - slots.age(slot, now))) this.#knockers.remove(slot, hash);
    }
    for (const opening of this.haste.of(hash, source)) {
      if (isScan(opening.state, opening.since)) this.haste.drop(opening);
    }
    return most === 0 ? undefined : { type: "scan", knocker: copyOf(source), ports: most, seconds };
  }

  /** How many ports its source has touched since then, if this door calls that a scan; else 0. */
  #scanned(state: DoorState, protocol: number, hash: number, since: number): number {
    const limit = strayLimit(state);
    if (limit === 0 || (protocol !== TCP && !state.door.policy.strict)) return 0;
    const touched = protocol === TCP ? this.#strays.count(hash, since) : 1;
    return touched >= limit ? touched : 0;
  }
}

/** So many different stray ports are a scan to this door; 0: none are. */
function strayLimit({ door: { policy } }: DoorState): number {
  return policy.strict ? 1 : policy.maxStrays;
}
