// How long a door stays closed to everyone after an opening (Cooldown). Entries go by the door's name, so that neither a
// reload nor another sequence nor a client's code gets around it.

import type { DoorState } from "./door-state.ts";

export class DoorCooldowns {
  /** Milliseconds, monotonic. There are no more than doors. How long it lasts is what the config says now. */
  readonly #begun = new Map<string, number>();

  /** The door opens now. */
  begin({ door }: Pick<DoorState, "door">, now: number): void {
    if (doorCooldown(door.policy) > 0) this.#begun.set(door.name, now);
  }

  /** Milliseconds until the door opens again; 0: it opens now. */
  remaining({ door }: Pick<DoorState, "door">, now: number): number {
    if (this.#begun.size === 0) return 0;
    const begun = this.#begun.get(door.name);
    if (begun === undefined) return 0;
    const left = begun + 1000 * doorCooldown(door.policy) - now;
    if (left <= 0) this.#begun.delete(door.name);
    return Math.max(0, left);
  }
}

/** Seconds. A Seq_Cooldown of scope `door` counts as well. */
function doorCooldown({ cooldown, seqCooldown, seqCooldownScope }: DoorState["door"]["policy"]): number {
  return seqCooldownScope === "door" ? Math.max(cooldown, seqCooldown) : cooldown;
}
