// Sequences that a stranger finds: by a scan in order, by trying, or because the whole world has read them.

import { weakness } from "../sequences/strength.ts";
import type { Door } from "./door.ts";

/**
 * A line for each door that is easily found, without its ports: logs are read by many. A door of one knock is meant so, as a
 * rule: it wakes a server. `knockctl check` names it.
 */
export function weakDoors(doors: readonly Door[]): string[] {
  return doors.flatMap((door) => {
    const why = door.sequence.length === 1 ? undefined : doorWeakness(door);
    return why === undefined ? [] : [`${door.name}: ${why}`];
  });
}

/** In the words of a line; undefined when it is not easily found. */
export function doorWeakness({ oneTimeSequences, sequence, policy }: Door): string | undefined {
  if (oneTimeSequences !== undefined) return undefined; // one that is used once is not worth finding
  if (policy.easy) return undefined;
  const why = weakness(sequence);
  return why && `its sequence is easily found: ${why}`;
}

/** Tells of such a door when it comes, and not at every rotation of the log. */
export class WeakDoors {
  #told: readonly string[] = [];

  news(resolvedDoors: readonly { readonly door: Door }[]): string[] {
    const before = this.#told;
    this.#told = weakDoors(resolvedDoors.map(({ door }) => door));
    return this.#told.filter((line) => !before.includes(line));
  }
}
