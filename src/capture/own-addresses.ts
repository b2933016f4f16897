// The addresses that doors without a Target listen at: those of the interface.

import { type Address, formatAddress, sameAddress } from "../address.ts";

export class OwnAddresses {
  readonly all: readonly Address[];
  // Nearly all packets go to the same address as the one before.
  #last: Address | undefined;
  #lastIsOurs = false;

  constructor(all: readonly Address[]) {
    this.all = all;
  }

  has(address: Address): boolean {
    if (this.#last === undefined || !sameAddress(this.#last, address)) {
      this.#last = { ...address };
      this.#lastIsOurs = this.all.some((own) => sameAddress(own, address));
    }
    return this.#lastIsOurs;
  }

  /** The same ones, in any order? */
  equals(other: OwnAddresses): boolean {
    return this.toString() === other.toString();
  }

  toString(): string {
    return this.all.map(formatAddress).sort().join(", ");
  }
}
