// Knocks that are a code: other ports in each window of 30 seconds (docs/codes.md).

import { type ClientUrl, parseClientUrl } from "../codes/client-url.ts";
import { digitPlaces, hotp, keyPlaces, portsOf, WINDOW_SECONDS, windowAt } from "../codes/derive.ts";
import type { Knock } from "./arguments.ts";
import { Complaint } from "./complaint.ts";

/** Between two knocks: a person's phone needs as long, and no network is so slow that they change places. */
export const CODE_DELAY_MS = 200;
/** After the last: the daemon holds a code for 250 ms to see whether another source sends it too (Code_Hold). */
export const CODE_END_MS = 300;

export interface CodeOptions {
  /** What the user typed, in place of the secret. */
  readonly code?: string | undefined;
  /** The address of this machine as the server sees it: only for a client that is bound to one. */
  readonly address: string | undefined;
}

/** Throws Complaint. `place` is where the line stands, for messages. */
export function readClientUrl(text: string, place: string): ClientUrl {
  try {
    return parseClientUrl(text);
  } catch (error) {
    throw new Complaint(`error: ${place}: ${(error as Error).message}`);
  }
}

/** The knocks at this moment (milliseconds since 1970). Throws Complaint when a code is needed, or is not one. */
export function codeKnocks({ client, hasSecret }: ClientUrl, { code, address }: CodeOptions, now: number): Knock[] {
  const { name, door, kind, secret, blocks, digits, protocol, bind } = client;
  const udp = protocol === "udp";
  const toKnocks = (places: readonly number[]) => portsOf(blocks, places).map((port) => ({ udp, port }));
  if (code !== undefined) {
    if (kind === "key") throw new Complaint("error: a key has no code to type; leave out --code");
    const typed = code.replace(/[\s-]/g, "");
    if (!/^\d+$/.test(typed) || typed.length !== digits)
      throw new Complaint(`error: bad --code: wanted ${digits} digits`);
    return toKnocks(digitPlaces(Number(typed), digits));
  }
  if (!hasSecret)
    throw new Complaint(`error: the secret of ${name} is not stored here; type the code: --code <digits>`);
  if (kind === "list")
    throw new Complaint(`error: the codes of ${name} are on paper; type the next one: --code <digits>`);
  const counter = windowAt(now);
  if (kind === "code") return toKnocks(digitPlaces(hotp(secret.bytes, counter, digits), digits));
  if (bind && address === undefined)
    throw new Complaint("error: this key is bound to an address; give yours: --source <address>");
  return toKnocks(keyPlaces(secret.bytes, { door, client: name, address: bind ? address : undefined, counter }));
}

/** Milliseconds until the next code. A code counts once, so a second try needs another. */
export function untilNextCode(now: number): number {
  const length = WINDOW_SECONDS * 1000;
  return length - (now % length);
}
