// The codes of a group of clients around now, each derived once: a flood of guesses costs no HMAC.

import { type Address, formatAddress } from "../net/address.ts";
import type { Client } from "./client.ts";
import { blockSize } from "./client.ts";
import { digitPlaces, hotp, keyPlaces, placesNumber } from "./derive.ts";

/** Counters of a client that are kept: twenty windows before and after now, which are ten minutes. */
const SPAN = 41;
/** Of more clients, codes of another time are not looked for: forty HMACs of each would keep knocks waiting. */
export const MAX_COMPARED = 25;

export class ValidCodes {
  readonly #clients: readonly Client[];
  /** Of many clients: by counter, whose each code is. A guess costs the same for any number of them. */
  readonly #owners = new Map<number, ReadonlyMap<number, number>>();
  /** Of each client, SPAN codes, each at its counter modulo SPAN. */
  readonly #codes: Float64Array;
  /** The counter + 1 of each; 0 is none. */
  readonly #counters: Float64Array;

  constructor(clients: readonly Client[]) {
    this.#clients = clients;
    const size = clients.length > MAX_COMPARED ? 0 : clients.length * SPAN;
    this.#codes = new Float64Array(size);
    this.#counters = new Float64Array(size);
  }

  /** Of the client with this number, as placesNumber has it. A bound key's codes differ by address, and cannot be kept. */
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

  /** The number of the client, which is not bound, whose code the guess is; -1: no client's. */
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

/** The places of a client's code as one number. `address`: of a bound key. */
export function codeOf(client: Client, counter: number, address?: string): number {
  return placesNumber(placesOf(client, counter, address), blockSize(client));
}

/** In each block the port's place. */
export function placesOf(client: Client, counter: number, address?: string): number[] {
  const { kind, secret, digits, door, name } = client;
  if (kind === "key") return keyPlaces(secret.bytes, { door, client: name, address, counter });
  return digitPlaces(hotp(secret.bytes, counter, digits), digits);
}
