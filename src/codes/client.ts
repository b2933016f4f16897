// One record of the clients file: a client of a door, with its own secret.

import type { Network } from "../net/network.ts";
import { type ClientKind, DIGITS_BLOCK, KEY_BLOCK, KEY_KNOCKS } from "./derive.ts";
import type { Hours } from "./hours.ts";
import type { Secret } from "./secret.ts";

export interface Client {
  readonly name: string;
  /** The door's name. */
  readonly door: string;
  readonly kind: ClientKind;
  readonly secret: Secret;
  /** The first port of each block, in the order of the code's digits. */
  readonly blocks: readonly number[];
  readonly protocol: "tcp" | "udp";
  /** The number of digits of a code. 0 for a key. */
  readonly digits: number;
  /** The networks it may knock from. Empty: any. */
  readonly from: readonly Network[];
  readonly hours: Hours | undefined;
  /** The last day on which it may knock, such as `2027-03-31`. */
  readonly expires: string | undefined;
  /** The code depends on the client's address. */
  readonly bind: boolean;
  /** The line of its section header. */
  readonly line: number;
}

export const CLIENT_NAME = /^[A-Za-z0-9._-]{1,32}$/;

export function blockSize({ kind }: Pick<Client, "kind">): number {
  return kind === "key" ? KEY_BLOCK : DIGITS_BLOCK;
}

/** The number of knocks in a code. */
export function knocksOf({ kind, digits }: Pick<Client, "kind" | "digits">): number {
  return kind === "key" ? KEY_KNOCKS : digits / 2;
}
