// Sequences that a stranger finds: by a scan in order, by trying, or because the whole world has read them.

import type { Door } from "./door.ts";
import { formatSequence, type Sequence } from "./sequence.ts";

/** Debian's /etc/knockd.conf, 0.8's manual, the how-to that most people copy from, and what our own package and manual say. */
const PUBLISHED = new Set([
  "7000:tcp,8000:tcp,9000:tcp",
  "9000:tcp,8000:tcp,7000:tcp",
  "5000:tcp,6000:tcp,7000:tcp",
  "2222:udp,3333:tcp,4444:udp",
  "4438:tcp,1813:tcp,8235:tcp",
  "8235:tcp,4438:tcp,1813:tcp",
  "24680:udp,13579:tcp,12345:udp",
  "2222:udp,3333:tcp,1111:udp",
]);
const FEWEST_KNOCKS = 3;

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

  news(listeners: readonly { readonly door: Door }[]): string[] {
    const before = this.#told;
    this.#told = weakDoors(listeners.map(({ door }) => door));
    return this.#told.filter((line) => !before.includes(line));
  }
}

/** Why a stranger finds it; undefined when he does not. */
export function weakness(sequence: Sequence): string | undefined {
  if (PUBLISHED.has(formatSequence(sequence))) return "it is one that the manuals print";
  if (sequence.length < FEWEST_KNOCKS) return "it has fewer than three knocks";
  const steps = sequence.slice(1).map(({ port }, i) => Math.sign(port - sequence[i]!.port));
  if (steps.every((step) => step > 0)) return "its ports ascend, as a scanner's do";
  if (steps.every((step) => step < 0)) return "its ports descend, as a scanner's may";
  return undefined;
}
