import type { Address } from "../net/address.ts";
import type { Door } from "./door.ts";

/** A door and the addresses that its Target was found to be; undefined: this host's own. */
export interface ResolvedDoor {
  readonly door: Door;
  readonly targets: readonly Address[] | undefined;
}
