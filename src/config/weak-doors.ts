// Finds sequences that are easy to discover: by a scan in port order, by guessing, or because they are published.

import { weakness } from "../sequences/strength.ts";
import type { Door } from "./door.ts";

/**
 * One line for each door that is easy to discover. It does not show the ports, because many people read logs. A door
 * with one knock is usually intended, for example to wake a server, so only `knockctl check` reports it.
 */
export function weakDoors(doors: readonly Door[]): string[] {
  return doors.flatMap((door) => {
    const why = door.sequence.length === 1 ? undefined : doorWeakness(door);
    return why === undefined ? [] : [`${door.name}: ${why}`];
  });
}

/** The reason as text. Undefined if the door is not easy to discover. */
export function doorWeakness({ oneTimeSequences, sequence, policy }: Door): string | undefined {
  if (oneTimeSequences !== undefined) return undefined; // discovering a sequence that works once is useless
  if (policy.easy || sequence.length === 0) return undefined;
  const why = weakness(sequence);
  return why && `its sequence is easily found: ${why}`;
}

/** Reports each weak door when it is new, not at every reload. */
export class WeakDoors {
  #told: readonly string[] = [];

  news(resolvedDoors: readonly { readonly door: Door }[]): string[] {
    const before = this.#told;
    this.#told = weakDoors(resolvedDoors.map(({ door }) => door));
    return this.#told.filter((line) => !before.includes(line));
  }
}
