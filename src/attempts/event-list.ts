// What the state machine answers: what has come about at a door.

import type { KnockEvent } from "../events/knock-event.ts";

/**
 * Most packets of a flood have no events. It is cut from a list with an event: V8 has another type for a list that was always
 * empty, and would compile everything that reads events twice.
 */
export const NOTHING: readonly KnockEvent[] = [{} as KnockEvent].slice(1);

/** Events of one door that are told together (event-cache.ts): a stage, and that it opens. */
const MAX_OF_A_DOOR = 2;

/**
 * The one after the other. Nearly always one of them is empty. A door's own are never changed; what is longer was made here,
 * and grows: copied for each door, a packet at ten thousand doors of the same first knock would be 50 million copies.
 */
export function append(before: readonly KnockEvent[], after: readonly KnockEvent[]): readonly KnockEvent[] {
  if (before.length === 0) return after;
  if (before.length <= MAX_OF_A_DOOR) return [...before, ...after];
  (before as KnockEvent[]).push(...after);
  return before;
}
