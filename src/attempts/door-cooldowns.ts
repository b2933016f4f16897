// For how long a door opens for nobody, because it has just opened for somebody (Cooldown). By the door's name, so that a
// reload, another sequence or a client's code makes no way around it.

import type { DoorState } from "./door-state.ts";

export class DoorCooldowns {
  /** Milliseconds, monotonic. There are no more than doors. How long it lasts is what the config says now. */
  readonly #begun = new Map<string, number>();

  /** The door opens now. */
  begin({ door }: Pick<DoorState, "door">, now: number): void {
    if (doorCooldown(door.policy) > 0) this.#begun.set(door.name, now);
  }

  /** Milliseconds for which it opens for nobody; 0: it opens. */
  remaining({ door }: Pick<DoorState, "door">, now: number): number {
    if (this.#begun.size === 0) return 0;
    const begun = this.#begun.get(door.name);
    if (begun === undefined) return 0;
    const left = begun + 1000 * doorCooldown(door.policy) - now;
    if (left <= 0) this.#begun.delete(door.name);
    return Math.max(0, left);
  }
}

/** Seconds for everybody. A Seq_Cooldown of scope `door` is one, too. */
function doorCooldown({ cooldown, seqCooldown, seqCooldownScope }: DoorState["door"]["policy"]): number {
  return seqCooldownScope === "door" ? Math.max(cooldown, seqCooldown) : cooldown;
}
