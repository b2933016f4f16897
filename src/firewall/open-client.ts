// A client that a built-in door has let in, and how that went.

import type { Address } from "../net/address.ts";

/** `failed`: why nothing was opened. */
export type OpeningResult = "opened" | "extended" | { readonly failed: string };

export interface OpenClient {
  /** The door's name. */
  readonly door: string;
  /** The client's address; the first address if a network is let in. */
  readonly address: Address;
  /** Seconds that are left. Infinity: until it is closed by hand. */
  readonly left: number;
  /** The number of packets that it has let in: for a TCP port, attempts to connect. */
  readonly uses: number;
}
