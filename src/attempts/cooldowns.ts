// For how long a door ignores a source: a scanner, or a client for which it has just opened. The table has a fixed size, so no
// flood makes it grow. A new entry overwrites the entry in its place.

import type { DoorState } from "./door-state.ts";

const PLACES = 65_536;

/** The key of a source (by its hash) at a door. */
export function cooldownKey(sourceHash: number, { pauseId }: DoorState): number {
  return Math.imul(sourceHash ^ Math.imul(pauseId, 0x85ebca6b), 0xc2b2ae35);
}

export class Cooldowns {
  readonly #keys = new Uint32Array(PLACES);
  readonly #ends = new Float64Array(PLACES);
  #latest = Number.NEGATIVE_INFINITY;

  /** `key` is a keyed hash: an attacker cannot choose the place. Times in milliseconds. */
  set(key: number, end: number): void {
    const place = at(key);
    this.#keys[place] = key;
    this.#ends[place] = end;
    this.#latest = Math.max(this.#latest, end);
  }

  /** Is there any cooldown? Ask first: in a flood it takes less time than the key. */
  hasAny(now: number): boolean {
    return now < this.#latest;
  }

  isActive(key: number, now: number): boolean {
    if (!this.hasAny(now)) return false;
    const place = at(key);
    return this.#keys[place] === key >>> 0 && now < this.#ends[place]!;
  }

  /** The milliseconds that are left. 0 if there is no cooldown. */
  remaining(key: number, now: number): number {
    return this.isActive(key, now) ? this.#ends[at(key)]! - now : 0;
  }
}

function at(key: number): number {
  return Math.imul(key, 0x9e3779b1) >>> 16;
}
