// Caches the codes of a group of clients around the current time. Each is derived once, so a flood of guesses costs no
// HMAC.

import { type Address, formatAddress } from "../net/address.ts";
import type { Client } from "./client.ts";
import { blockSize } from "./client.ts";
import { digitPlaces, hotp, keyPlaces, placesNumber } from "./derive.ts";

/** Cached counters of a client: twenty windows before and after now, which is ten minutes each way. */
const SPAN = 41;
/** With more clients, wrong clocks are not looked for: forty HMACs for each client would delay knocks. */
export const MAX_COMPARED = 25;

export class ValidCodes {
  readonly #clients: readonly Client[];
  /** For many clients: by counter, the client of each code. So a guess costs the same for any number of clients. */
  readonly #owners = new Map<number, ReadonlyMap<number, number>>();
  /** For each client SPAN codes, stored at the counter modulo SPAN. */
  readonly #codes: Float64Array;
  /** The counter + 1 of each cached code. 0: none. */
  readonly #counters: Float64Array;

  constructor(clients: readonly Client[]) {
    this.#clients = clients;
    const size = clients.length > MAX_COMPARED ? 0 : clients.length * SPAN;
    this.#codes = new Float64Array(size);
    this.#counters = new Float64Array(size);
  }

  /**
   * The code of client `number`, as `placesNumber` makes it. The codes of a bound key differ by address and are not
   * cached.
   */
  of(number: number, counter: number, source: Address): number {
    const client = this.#clients[number]!;
    if (client.bind) return codeOf(client, counter, formatAddress(source));
    const at = number * SPAN + (counter % SPAN);
    if (this.#counters[at] !== counter + 1) {
      this.#codes[at] = codeOf(client, counter);
      this.#counters[at] = counter + 1;
    }
    return this.#codes[at]!;
  }

  /** The number of the unbound client whose code the guess is. -1: none. */
  owner(counter: number, guess: number): number {
    let owners = this.#owners.get(counter);
    if (owners === undefined) {
      owners = this.#ownersOf(counter);
      for (const old of this.#owners.keys()) if (Math.abs(old - counter) >= SPAN) this.#owners.delete(old);
      this.#owners.set(counter, owners);
    }
    return owners.get(guess) ?? -1;
  }

  #ownersOf(counter: number): Map<number, number> {
    const owners = new Map<number, number>();
    for (const [number, client] of this.#clients.entries()) {
      if (!client.bind) owners.set(codeOf(client, counter), number);
    }
    return owners;
  }
}

/** The offsets of a client's code as one number. `address`: for a bound key. */
export function codeOf(client: Client, counter: number, address?: string): number {
  return placesNumber(placesOf(client, counter, address), blockSize(client));
}

/** The port's offset in each block. */
export function placesOf(client: Client, counter: number, address?: string): number[] {
  const { kind, secret, digits, door, name } = client;
  if (kind === "key") return keyPlaces(secret.bytes, { door, client: name, address, counter });
  return digitPlaces(hotp(secret.bytes, counter, digits), digits);
}
