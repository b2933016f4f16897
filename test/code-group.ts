// Clients and groups for tests, and guesses at their codes.

import { type Client, knocksOf } from "../src/codes/client.ts";
import { ClientStates } from "../src/codes/client-states.ts";
import { CodeGroup, type CodePolicy } from "../src/codes/decision.ts";
import { Secret } from "../src/codes/secret.ts";
import { codeOf } from "../src/codes/valid-codes.ts";
import { parseAddress } from "../src/net/address.ts";

export const POLICY: CodePolicy = { skew: 1, hold: 0.25, maxGuesses: 10 };
/** 2026-07-01T12:00:00Z, the beginning of a window. */
export const NOON = Date.UTC(2026, 6, 1, 12);
export const WINDOW = NOON / 30_000;

/** A client named phone at the door openSSH. Its secret is derived from `seed`. */
export function clientOf(of: Partial<Client> & { readonly seed?: number } = {}): Client {
  const { seed = 1, ...given } = of;
  const kind = given.kind ?? "code";
  const digits = given.digits ?? { code: 6, key: 0, list: 8 }[kind];
  const size = kind === "key" ? 1024 : 100;
  return {
    name: "phone",
    door: "openSSH",
    kind,
    secret: new Secret(Uint8Array.from({ length: kind === "key" ? 32 : 20 }, (_, i) => seed * 7 + i)),
    blocks: Array.from({ length: knocksOf({ kind, digits }) }, (_, i) => size * (8 + 2 * i)),
    protocol: "tcp",
    digits,
    from: [],
    hours: undefined,
    expires: undefined,
    bind: false,
    line: 1,
    ...given,
  };
}

/** A group whose clock stands still until it is set, in seconds since NOON. */
export class Bench {
  at = 0;
  /** The wall clock's error, in seconds. */
  clock = 0;
  readonly group: CodeGroup;
  readonly states: ClientStates;

  readonly clients: readonly Client[];

  constructor(clients = [clientOf()], policy: Partial<CodePolicy> = {}, states = new ClientStates()) {
    this.clients = clients;
    this.states = states;
    this.group = new CodeGroup(clients, { ...POLICY, ...policy }, states);
  }

  get moment() {
    return { now: 1000 * (100_000 + this.at), wall: NOON + 1000 * (this.at + this.clock) };
  }

  /** The code that a client's device shows `later` windows from now, if its clock is right. */
  code(client = this.clients[0]!, later = 0, address?: string): number {
    const counter = client.kind === "list" ? later : Math.floor(WINDOW + this.at / 30) + later;
    return codeOf(client, counter, address);
  }

  guess(code: number, from = "192.0.2.1") {
    return this.group.decide(code, parseAddress(from)!, this.moment);
  }
}
