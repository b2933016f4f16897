// Who is in the middle of a sequence, and of which: slots, queues and doors, kept in step with each other.

import type { Address } from "../net/address.ts";
import { AddressHash } from "./address-hash.ts";
import { type DoorState, Ears } from "./ears.ts";
import { Expiry } from "./expiry.ts";
import { type Clear, NONE, Slots } from "./slots.ts";

export class Knockers {
  readonly slots: Slots;
  readonly expiry: Expiry;
  readonly ears: Ears;
  readonly #hash: AddressHash;
  #mine = new Int32Array(16);

  constructor(hashKey: readonly [number, number], capacity: number, clear: Clear | undefined) {
    this.#hash = new AddressHash(hashKey);
    this.slots = new Slots(capacity, clear);
    this.expiry = new Expiry(this.slots);
    this.ears = new Ears(this.expiry);
  }

  /** The attempts that `gather` has found: one array for all packets. */
  get mine(): Int32Array {
    return this.#mine;
  }

  hash(source: Address): number {
    return this.#hash.of(source);
  }

  /** The door of a slot. */
  state(slot: number): DoorState {
    return this.ears.door(this.slots.door(slot));
  }

  /** Puts a source's slots into `mine`, in the order of their doors, and frees those of retired doors on the way. */
  gather(source: Address, hash: number): number {
    let count = 0;
    for (let slot = this.slots.first(hash, source); slot !== NONE; ) {
      const following = this.slots.following(slot, source);
      if (this.state(slot).retired) this.remove(slot, hash);
      else {
        if (count === this.#mine.length) this.#grow();
        this.#mine[count++] = slot;
      }
      slot = following;
    }
    if (count > 1) this.#sort(count);
    return count;
  }

  /** A new attempt. A silent one is not told before it is complete. When there is no room, the oldest of those in their first stage goes. */
  begin(
    state: DoorState,
    source: Address,
    hash: number,
    print: number,
    now: number,
    ttl = 0,
    isSilent = false,
    sequence = 0,
  ): void {
    if (this.slots.live === this.slots.capacity) {
      const victim = this.expiry.victim(now);
      this.remove(victim, this.#hash.of(this.slots.source(victim)));
    }
    const slot = this.slots.add(hash, source, state.number, print, now, state.term.fresh);
    this.slots.strays.begin(slot, ttl, isSilent);
    this.slots.touch(slot, now, sequence);
    this.expiry.begun(state.term, now);
    state.live++;
  }

  remove(slot: number, hash: number): void {
    const state = this.state(slot);
    this.slots.remove(slot, hash, this.expiry.queue(slot, state.term));
    state.live--;
  }

  #grow(): void {
    const more = new Int32Array(2 * this.#mine.length);
    more.set(this.#mine);
    this.#mine = more;
  }

  #sort(count: number): void {
    this.#mine.subarray(0, count).sort((a, b) => this.state(a).order - this.state(b).order);
  }
}
