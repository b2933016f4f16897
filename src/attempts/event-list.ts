// Lists of events, which the state machine returns.

import type { KnockEvent } from "../events/knock-event.ts";

/**
 * The empty list, for most packets of a flood. It is cut from a list with an event: V8 has another type for a list that was
 * always empty, and would compile everything that reads events twice.
 */
export const NOTHING: readonly KnockEvent[] = [{} as KnockEvent].slice(1);

/** The most events that one door has for a packet (event-cache.ts): a stage and an opening. */
const MAX_OF_A_DOOR = 2;

/**
 * Joins two lists. Nearly always one of them is empty. The short list of a door is cached and never changes. A longer list was
 * made here, so it may grow: to copy it for each door would take 50 million copies if ten thousand doors share a first knock.
 */
export function append(before: readonly KnockEvent[], after: readonly KnockEvent[]): readonly KnockEvent[] {
  if (before.length === 0) return after;
  if (before.length <= MAX_OF_A_DOOR) return [...before, ...after];
  (before as KnockEvent[]).push(...after);
  return before;
}
