// How long a door does not open again for anyone after an opening (Cooldown). The key is the door's name, so that no reload,
// other sequence or client's code gets around it. Doors of one name share the time of their last opening.

import type { DoorState } from "./door-state.ts";

export class DoorCooldowns {
  /** When each door last opened, in monotonic milliseconds. The length of the cooldown is that of the current config. */
  readonly #begun = new Map<string, number>();

  /** Begins the cooldown: the door opens now. */
  begin({ door }: Pick<DoorState, "door">, now: number): void {
    if (doorCooldown(door.policy) > 0) this.#begun.set(door.name, now);
  }

  /** Milliseconds until the door can open again. 0: it can open now. */
  remaining({ door }: Pick<DoorState, "door">, now: number): number {
    if (this.#begun.size === 0) return 0;
    const seconds = doorCooldown(door.policy);
    if (seconds === 0) return 0;
    const begun = this.#begun.get(door.name);
    return begun === undefined ? 0 : Math.max(0, begun + 1000 * seconds - now);
  }
}

/** The cooldown in seconds. A Seq_Cooldown of scope `door` counts as well. */
function doorCooldown({ cooldown, seqCooldown, seqCooldownScope }: DoorState["door"]["policy"]): number {
  return seqCooldownScope === "door" ? Math.max(cooldown, seqCooldown) : cooldown;
}
