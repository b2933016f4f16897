import type { Address } from "../net/address.ts";
import type { Door } from "./door.ts";

/** A door and the addresses of its Target. Undefined: this host's own. */
export interface ResolvedDoor {
  readonly door: Door;
  readonly targets: readonly Address[] | undefined;
}
