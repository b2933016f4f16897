// Derives the ports of a code from a secret and a counter. docs/codes.md specifies this. The test has its test vectors.

import { createHmac } from "node:crypto";

/**
 * `code`: from an authenticator app. `key`: 32 bytes, for programs. `list`: codes on paper, counted instead of timed.
 */
export type ClientKind = "code" | "key" | "list";

/** Seconds for which a code of kind `code` or `key` is the current one. */
export const WINDOW_SECONDS = 30;

/** Ports in a block. Two digits of a code choose one port; for a key, ten bits do. */
export const DIGITS_BLOCK = 100;
export const KEY_BLOCK = 1024;
/** The number of knocks in a code of a key. */
export const KEY_KNOCKS = 5;

/** The input of a key's HMAC. */
export interface KeyMessage {
  readonly door: string;
  readonly client: string;
  /** The client's source address as the server sees it, if the key is bound to one. */
  readonly address?: string | undefined;
  readonly counter: number;
}

/** The number of the window that contains this time. */
export function windowAt(milliseconds: number): number {
  return Math.floor(milliseconds / 1000 / WINDOW_SECONDS);
}

/** HOTP (RFC 4226) as a number. With a window as the counter, it is TOTP (RFC 6238). */
export function hotp(secret: Uint8Array, counter: number, digits: number): number {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(counter));
  const hash = createHmac("sha1", secret).update(message).digest();
  const word = hash.readUInt32BE(hash[19]! & 15) & 0x7fff_ffff;
  return word % 10 ** digits;
}

/** The port's offset in each block, first block first: two digits each. */
export function digitPlaces(code: number, digits: number): number[] {
  const text = String(code).padStart(digits, "0");
  return [...text.matchAll(/../g)].map(([two]) => Number(two));
}

/** The port's offset in each block: ten bits each. */
export function keyPlaces(secret: Uint8Array, { door, client, address = "-", counter }: KeyMessage): number[] {
  const message = `knockd-ng 1\n${door}\n${client}\n${address}\n${counter}\n`;
  const hash = createHmac("sha256", secret).update(message).digest();
  return Array.from({ length: KEY_KNOCKS }, (_, i) => hash.readUInt16BE(2 * i) & (KEY_BLOCK - 1));
}

/** The ports of a code. `blocks` are the first ports. */
export function portsOf(blocks: readonly number[], places: readonly number[]): number[] {
  return blocks.map((first, i) => first + places[i]!);
}

/** All offsets as one number below 2^50, so that guesses can be compared. */
export function placesNumber(places: readonly number[], blockSize: number): number {
  return places.reduce((number, place) => number * blockSize + place, 0);
}
