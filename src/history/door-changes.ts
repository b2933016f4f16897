// Doors whose attempts have become void because a door is another one now: its one-time sequence has let somebody in, or
// the config has changed.

import type { Door } from "../config/door.ts";

export interface DoorChange {
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
  readonly why: "used" | "changed";
}

/** Of doors that are gone from the config, too. */
const MOST = 1024;

export class DoorChanges {
  #doors = new Map<string, Door>();
  readonly #last = new Map<string, DoorChange>();

  /** From now on these. */
  setDoors(doors: readonly Door[], now: number): void {
    const after = new Map(doors.map((door) => [door.name, door]));
    for (const [name, before] of this.#doors) {
      const door = after.get(name);
      if (door !== undefined && isSame(before, door)) continue;
      const wasOneTime = before.oneTimeSequences !== undefined;
      const why = wasOneTime && (door === undefined || isSame({ ...door, sequence: before.sequence }, before));
      this.#last.delete(name);
      this.#last.set(name, { at: now, why: why ? "used" : "changed" });
      if (this.#last.size > MOST) this.#last.delete(this.#last.keys().next().value!);
    }
    this.#doors = after;
  }

  /** The door of that name as it is. */
  door(name: string): Door | undefined {
    return this.#doors.get(name);
  }

  /** When it last became another one. */
  last(name: string): DoorChange | undefined {
    return this.#last.get(name);
  }
}

/** By what door-index.ts calls the same, as far as the config says. */
function isSame(a: Door, b: Door): boolean {
  const judged = ({ sequence, seqTimeout, tcpFlags, oneTimeSequences, target }: Door) =>
    JSON.stringify([sequence, seqTimeout, tcpFlags, oneTimeSequences, target?.host]);
  return judged(a) === judged(b);
}
