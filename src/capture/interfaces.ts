// The addresses that doors without a Target listen at: those of the interface.

import { type Address, isIpv4, parseAddress, sameAddress } from "../address.ts";
import { native } from "./native.ts";

export class OwnAddresses {
  readonly #all: readonly Address[];
  // Nearly all packets go to the same address as the one before.
  #last: Address | undefined;
  #lastIsOurs = false;

  constructor(all: readonly Address[]) {
    this.#all = all;
  }

  /** Of an interface as it is now. Empty when it has none, or does not exist. */
  static of(name: string, onlyIpv4: boolean): OwnAddresses {
    const all = native.addresses(name).map((text) => parseAddress(text)!);
    return new OwnAddresses(onlyIpv4 ? all.filter(isIpv4) : all);
  }

  get all(): readonly Address[] {
    return this.#all;
  }

  has(address: Address): boolean {
    if (this.#last === undefined || !sameAddress(this.#last, address)) {
      this.#last = { ...address };
      this.#lastIsOurs = this.#all.some((own) => sameAddress(own, address));
    }
    return this.#lastIsOurs;
  }
}
