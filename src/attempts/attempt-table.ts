// The live attempts: which sources are in the middle of which sequence. Keeps slots, queues and doors in step.

import type { Address } from "../net/address.ts";
import { AttemptPool, type Clear, NONE } from "./attempt-pool.ts";
import type { CurrentPacket } from "./current-packet.ts";
import { DoorIndex } from "./door-index.ts";
import type { DoorState } from "./door-state.ts";
import { Expiry } from "./expiry.ts";
import { HalfSipHash } from "./siphash.ts";

export class AttemptTable {
  readonly pool: AttemptPool;
  readonly expiry: Expiry;
  readonly doors: DoorIndex;
  readonly #hash: HalfSipHash;
  #collected = new Int32Array(16);

  constructor(hashKey: readonly [number, number], capacity: number, clear: Clear | undefined) {
    this.#hash = new HalfSipHash(hashKey);
    this.pool = new AttemptPool(capacity, clear);
    this.expiry = new Expiry(this.pool);
    this.doors = new DoorIndex(this.expiry);
  }

  /** The attempts that `collect` has found. The array is reused for all packets. */
  get collected(): Int32Array {
    return this.#collected;
  }

  hash(source: Address): number {
    return this.#hash.of(source);
  }

  /** The door of a slot. */
  state(slot: number): DoorState {
    return this.doors.door(this.pool.door(slot));
  }

  /** The port of an attempt's last knock. */
  lastPort(slot: number): number {
    const { codes, knocks } = this.state(slot);
    if (codes === undefined) return knocks[this.pool.stage(slot) - 1]! & 0xffff;
    const block = this.pool.guesses.lastBlock(slot);
    return codes.blocks[block]! + this.pool.guesses.place(slot, block);
  }

  /** Puts a source's slots into `collected`, in the order of their doors, and frees those of retired doors on the way. */
  collect(source: Address, hash: number): number {
    let count = 0;
    for (let slot = this.pool.find(hash, source); slot !== NONE; ) {
      const following = this.pool.findNext(slot, source);
      if (this.state(slot).retired) this.remove(slot, hash);
      else {
        if (count === this.#collected.length) this.#grow();
        this.#collected[count++] = slot;
      }
      slot = following;
    }
    if (count > 1) this.#sort(count);
    return count;
  }

  /**
   * Begins an attempt with this packet as its first knock. Nothing is reported about a silent attempt until it is complete.
   * If the pool is full, the oldest attempt in its first stage is removed.
   */
  begin(state: DoorState, { packet, hash, print, now }: CurrentPacket, isSilent = false): number {
    if (this.pool.live === this.pool.capacity) {
      const victim = this.expiry.evictionCandidate(now);
      this.remove(victim, this.#hash.of(this.pool.source(victim)));
    }
    const slot = this.pool.add(hash, packet.source, state.number, print, now, state.timeouts.fresh);
    this.pool.strays.begin(slot, packet.ttl, isSilent);
    this.pool.touch(slot, now, packet.sequence);
    this.expiry.begun(state.timeouts, now);
    state.live++;
    return slot;
  }

  remove(slot: number, hash: number): void {
    const state = this.state(slot);
    this.pool.remove(slot, hash, this.expiry.queue(slot, state.timeouts));
    state.live--;
  }

  #grow(): void {
    const more = new Int32Array(2 * this.#collected.length);
    more.set(this.#collected);
    this.#collected = more;
  }

  #sort(count: number): void {
    this.#collected.subarray(0, count).sort((a, b) => this.state(a).order - this.state(b).order);
  }
}
