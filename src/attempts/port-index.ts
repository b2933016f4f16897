// An index of all doors in use, by the port and protocol of their knocks.

import { knockKey } from "../net/knock-key.ts";
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

/** Returns the entries by knockKey. */
export function indexByPort(states: readonly DoorState[]): Map<number, PortEntry> {
  const index = indexKnocks(states);
  for (const state of states) {
    if (state.codes === undefined) continue;
    const { blocks, blockSize } = state.codes;
    const [protocol] = state.protocols;
    // Nearly all ports of a block belong to this door only, so they share one entry.
    const entry = { rules: [state.rule], isKnock: false, isFirst: false, firsts: [], isCode: true, codes: [state] };
    for (const first of blocks) {
      for (let port = first; port < first + blockSize; port++) {
        const key = knockKey(protocol!, port);
        const there = index.get(key);
        index.set(key, there === undefined ? entry : both(there, entry));
      }
    }
  }
  return index;
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

function indexKnocks(states: readonly DoorState[]): Map<number, PortEntry> {
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
