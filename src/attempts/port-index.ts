// An index of all doors in use, by the port and protocol of their knocks.

import { KNOCK_KEYS, knockKey } from "../net/knock-key.ts";
import type { DoorState, MatchRule } from "./door-state.ts";

/** What the doors say about one port and protocol. */
export interface PortEntry {
  readonly rules: readonly MatchRule[];
  /** Is it a knock of some sequence? */
  readonly isKnock: boolean;
  /**
   * Is it the first knock of some sequence? Check this before `firsts`: V8 has another type for an empty list, and would
   * compile twice.
   */
  readonly isFirst: boolean;
  /** The doors whose first knock it is. */
  readonly firsts: readonly DoorState[];
  /** Does the port belong to codes? */
  readonly isCode: boolean;
  /** The doors whose codes use it. */
  readonly codes: readonly DoorState[];
}

export class PortIndex {
  /** By knockKey, the place in #entries. A Map would make each packet a tenth more expensive (bench/flood.ts). */
  readonly #places = new Int32Array(KNOCK_KEYS);
  /** Place 0 stands for no door. */
  #entries: (PortEntry | undefined)[] = [undefined];
  /** The keys that have a place. All others stay untouched, and with them their memory. */
  #keys: number[] = [];

  /** The entry of a `knockKey`. Undefined if no door uses that knock. */
  entry(key: number): PortEntry | undefined {
    return this.#entries[this.#places[key]!];
  }

  /** Sets the doors. */
  set(states: readonly DoorState[]): void {
    for (const key of this.#keys) this.#places[key] = 0;
    this.#keys = [];
    this.#entries = [undefined];
    for (const [key, entry] of entriesOfKnocks(states)) this.#add(key, 1, entry);
    for (const state of states) {
      if (state.codes === undefined) continue;
      const { blocks, blockSize } = state.codes;
      const [protocol] = state.protocols;
      const entry = { rules: [state.rule], isKnock: false, isFirst: false, firsts: [], isCode: true, codes: [state] };
      for (const first of blocks) this.#add(knockKey(protocol!, first), blockSize, entry);
    }
  }

  /** Adds an entry for `count` keys. Nearly all ports of a block belong to one door only, so they share a place. */
  #add(first: number, count: number, entry: PortEntry): void {
    let [before, place] = [-1, -1];
    for (let key = first; key < first + count; key++) {
      const there = this.#places[key]!;
      if (there !== before) {
        before = there;
        place = this.#entries.push(there === 0 ? entry : both(this.#entries[there]!, entry)) - 1;
      }
      if (there === 0) this.#keys.push(key);
      this.#places[key] = place;
    }
  }
}

function both(one: PortEntry, other: PortEntry): PortEntry {
  return {
    rules: [...new Set([...one.rules, ...other.rules])],
    isKnock: one.isKnock || other.isKnock,
    isFirst: one.isFirst || other.isFirst,
    firsts: [...one.firsts, ...other.firsts],
    isCode: one.isCode || other.isCode,
    codes: [...one.codes, ...other.codes],
  };
}

function entriesOfKnocks(states: readonly DoorState[]): Map<number, PortEntry> {
  const index = new Map<number, { rules: Set<MatchRule>; firsts: DoorState[] }>();
  for (const state of states) {
    state.knocks.forEach((key, stage) => {
      const entry = index.get(key) ?? { rules: new Set(), firsts: [] };
      index.set(key, entry);
      entry.rules.add(state.rule);
      if (stage === 0) entry.firsts.push(state);
    });
  }
  return new Map(
    [...index].map(([key, { rules, firsts }]) => [
      key,
      { rules: [...rules], isKnock: true, isFirst: firsts.length > 0, firsts, isCode: false, codes: [] },
    ]),
  );
}
