// What the state machine answers: what has come about at a door.

import type { Address } from "../address.ts";
import type { Door } from "../config/door.ts";

export type KnockEvent =
  | { readonly type: "stage"; readonly door: Door; readonly knocker: Address; readonly stage: number }
  | { readonly type: "open"; readonly door: Door; readonly knocker: Address }
  | { readonly type: "timeout"; readonly door: Door; readonly knocker: Address; readonly stage: number }
  | { readonly type: "scan"; readonly knocker: Address; readonly ports: number; readonly seconds: number };

/** Most packets of a flood tell nothing. */
export const NOTHING: readonly KnockEvent[] = [];

/**
 * With one more; those of `NOTHING` are made anew. A push onto an array of one would make room for seventeen more: in a
 * flood of openings, most of the garbage.
 */
export function add(events: KnockEvent[], event: KnockEvent): KnockEvent[] {
  if (events.length === 0) return [event];
  if (events.length === 1) return [events[0]!, event];
  events.push(event);
  return events;
}
