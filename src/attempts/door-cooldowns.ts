// For how long a door opens for nobody, because it has just opened for somebody (Cooldown). By the door's name, so that a
// reload, another sequence or a client's code makes no way around it.

import type { DoorState } from "./door-index.ts";

export class DoorCooldowns {
  /** Milliseconds, monotonic. There are no more than doors. */
  readonly #ends = new Map<string, number>();

  /** The door opens now. */
  begin({ door }: Pick<DoorState, "door">, now: number): void {
    const seconds = doorCooldown(door.policy);
    if (seconds > 0) this.#ends.set(door.name, now + 1000 * seconds);
  }

  /** Milliseconds for which it opens for nobody; 0: it opens. */
  remaining({ door }: Pick<DoorState, "door">, now: number): number {
    if (this.#ends.size === 0) return 0;
    const left = (this.#ends.get(door.name) ?? now) - now;
    if (left <= 0) this.#ends.delete(door.name);
    return Math.max(0, left);
  }
}

/** Seconds for everybody. A Seq_Cooldown of scope `door` is one, too. */
function doorCooldown({ cooldown, seqCooldown, seqCooldownScope }: DoorState["door"]["policy"]): number {
  return seqCooldownScope === "door" ? Math.max(cooldown, seqCooldown) : cooldown;
}
