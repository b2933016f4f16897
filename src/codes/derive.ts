// Secret and counter → the ports of a code. docs/codes.md is the specification; its test vectors are in the test.

import { createHmac } from "node:crypto";

/** `code`: an authenticator's. `key`: 32 bytes, for programs. `list`: codes on paper, counted and not timed. */
export type ClientKind = "code" | "key" | "list";

/** Seconds for which a code of kind `code` or `key` is the current one. */
export const WINDOW_SECONDS = 30;

/** Ports in a block: two digits of a code choose one, or ten bits of a key. */
export const DIGITS_BLOCK = 100;
export const KEY_BLOCK = 1024;
/** Knocks of a key. */
export const KEY_KNOCKS = 5;

/** What a key's HMAC is taken of. */
export interface KeyMessage {
  readonly door: string;
  readonly client: string;
  /** The client's source address as the server sees it, when the key is bound to one. */
  readonly address?: string | undefined;
  readonly counter: number;
}

/** The window of a moment. */
export function windowAt(milliseconds: number): number {
  return Math.floor(milliseconds / 1000 / WINDOW_SECONDS);
}

/** HOTP (RFC 4226), as a number. With a window for the counter it is TOTP (RFC 6238). */
export function hotp(secret: Uint8Array, counter: number, digits: number): number {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(counter));
  const hash = createHmac("sha1", secret).update(message).digest();
  const word = hash.readUInt32BE(hash[19]! & 15) & 0x7fff_ffff;
  return word % 10 ** digits;
}

/** In each block the port's place, first block first: two digits each. */
export function digitPlaces(code: number, digits: number): number[] {
  const text = String(code).padStart(digits, "0");
  return [...text.matchAll(/../g)].map(([two]) => Number(two));
}

/** In each block the port's place: ten bits each. */
export function keyPlaces(secret: Uint8Array, { door, client, address = "-", counter }: KeyMessage): number[] {
  const message = `knockd-ng 1\n${door}\n${client}\n${address}\n${counter}\n`;
  const hash = createHmac("sha256", secret).update(message).digest();
  return Array.from({ length: KEY_KNOCKS }, (_, i) => hash.readUInt16BE(2 * i) & (KEY_BLOCK - 1));
}

/** The ports of a code, by the first port of each block. */
export function portsOf(blocks: readonly number[], places: readonly number[]): number[] {
  return blocks.map((first, i) => first + places[i]!);
}

/** All places as one number below 2^50, by which guesses are compared. */
export function placesNumber(places: readonly number[], blockSize: number): number {
  return places.reduce((number, place) => number * blockSize + place, 0);
}
