// The opening that the addon makes at an expected knock, before JavaScript runs (net/expected-knock.ts). There is at most
// one. The packet is decided about as any other afterwards, and then either `isDone` takes the opening over, or `end` says
// that it must be undone.

import { type Address, sameAddress } from "../net/address.ts";
import type { ExpectedKnock } from "../net/expected-knock.ts";
import type { KernelTables } from "./kernel-tables.ts";
import type { BuiltInDoor } from "./layout.ts";

export class ExpectedOpening {
  readonly #kernel: KernelTables;
  #awaited: { readonly door: BuiltInDoor; readonly client: Address } | undefined;

  constructor(kernel: KernelTables) {
    this.#kernel = kernel;
  }

  /** `batch` opens the door for the knock's source. */
  expect(door: BuiltInDoor, knock: ExpectedKnock, batch: Uint8Array): void {
    this.#kernel.expect(knock, batch);
    this.#awaited = { door, client: knock.source };
  }

  /** Has the addon opened this door for this client? If it has failed, the opening must be tried again. */
  isDone(door: BuiltInDoor, client: Address): boolean {
    const awaited = this.#awaited;
    if (awaited === undefined || awaited.door !== door || !sameAddress(awaited.client, client)) return false;
    this.#awaited = undefined;
    return this.#kernel.takeExpected() === 0;
  }

  /** Ends the expectation. Returns the opening that the addon has made, unless `isDone` has taken it over. */
  end(): { readonly door: BuiltInDoor; readonly client: Address } | undefined {
    const awaited = this.#awaited;
    if (awaited === undefined) return undefined;
    this.#awaited = undefined;
    return this.#kernel.takeExpected() === 0 ? awaited : undefined;
  }
}
