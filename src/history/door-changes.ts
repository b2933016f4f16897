// When doors last changed, which ends their live attempts: a one-time sequence was used, or the config has changed.

import type { Door } from "../config/door.ts";

export interface DoorChange {
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
  readonly why: "used" | "changed";
}

/** Doors that are no longer in the config count too. */
const MAX = 1024;

export class DoorChanges {
  #doors = new Map<string, Door>();
  readonly #last = new Map<string, DoorChange>();

  /** The doors from now on. */
  setDoors(doors: readonly Door[], now: number): void {
    const after = new Map(doors.map((door) => [door.name, door]));
    for (const [name, before] of this.#doors) {
      const door = after.get(name);
      if (door !== undefined && isSame(before, door)) continue;
      const wasOneTime = before.oneTimeSequences !== undefined;
      const why = wasOneTime && (door === undefined || isSame({ ...door, sequence: before.sequence }, before));
      this.#last.delete(name);
      this.#last.set(name, { at: now, why: why ? "used" : "changed" });
      if (this.#last.size > MAX) this.#last.delete(this.#last.keys().next().value!);
    }
    this.#doors = after;
  }

  /** The door of that name as it is now. */
  door(name: string): Door | undefined {
    return this.#doors.get(name);
  }

  /** The door's last change. */
  last(name: string): DoorChange | undefined {
    return this.#last.get(name);
  }
}

/** Compares doors as door-index.ts does, as far as the config is concerned. */
function isSame(a: Door, b: Door): boolean {
  const judged = ({ sequence, seqTimeout, tcpFlags, oneTimeSequences, target }: Door) =>
    JSON.stringify([sequence, seqTimeout, tcpFlags, oneTimeSequences, target?.host]);
  return judged(a) === judged(b);
}
