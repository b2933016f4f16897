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

/** The one after the other. Nearly always one of them is empty. */
export function join(before: readonly KnockEvent[], after: readonly KnockEvent[]): readonly KnockEvent[] {
  return before.length === 0 ? after : [...before, ...after];
}
