// The addresses of an interface. Doors without a Target listen at them.

import { type Address, copyOf, formatAddress, isHostAddress, isIpv4, sameAddress } from "./address.ts";

export class AddressSet {
  readonly all: readonly Address[];
  // A cache: nearly all packets go to the same address as the one before.
  #last: Address | undefined;
  #lastIsOurs = false;

  readonly #notClients: readonly Address[];
  readonly #isLoopback: boolean;

  /** `notClients`: other addresses that no client can have, such as those of other interfaces and directed broadcasts. */
  constructor(all: readonly Address[], notClients: readonly Address[] = []) {
    this.all = all.map(copyOf); // copies have one shape for V8: each packet is compared with them
    this.#notClients = notClients.map(copyOf);
    this.#isLoopback = all.length > 0 && all.every(isLoopback);
  }

  /**
   * May this source be a client? Not if it is an address of this host or a broadcast address: then the packet is forged. But
   * no packet from outside reaches an interface with only loopback addresses: there, this host is the client.
   */
  isClient(source: Address): boolean {
    if (this.#isLoopback) return isHostAddress(source) || isLoopback(source);
    if (!isHostAddress(source)) return false;
    for (const own of this.all) if (sameAddress(own, source)) return false;
    for (const other of this.#notClients) if (sameAddress(other, source)) return false;
    return true;
  }

  has(address: Address): boolean {
    if (this.#last === undefined || !sameAddress(this.#last, address)) {
      this.#last = { ...address };
      this.#lastIsOurs = this.all.some((own) => sameAddress(own, address));
    }
    return this.#lastIsOurs;
  }

  /** Does the other set have the same addresses, in any order? */
  equals(other: AddressSet): boolean {
    return this.toString() === other.toString();
  }

  toString(): string {
    return this.all.map(formatAddress).sort().join(", ");
  }
}

/** 127.0.0.0/8 or ::1. */
function isLoopback(address: Address): boolean {
  if (isIpv4(address)) return address.w3 >>> 24 === 127;
  return address.w0 === 0 && address.w1 === 0 && address.w2 === 0 && address.w3 === 1;
}
