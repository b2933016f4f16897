// What survives a restart for each client: above all the last used counter, so that no code counts twice.

import { CLIENT_NAME, type Client } from "./client.ts";
import { type ClientKind, WINDOW_SECONDS } from "./derive.ts";
import { GuessCounter } from "./guess-counter.ts";

export interface ClientState {
  /** The secret's fingerprint. A client with a new secret gets a new state. */
  readonly secret: string;
  readonly kind: ClientKind;
  /** The last used counter. -1: none. */
  last: number;
  /** When it was used, in milliseconds since 1970. 0: never. */
  at: number;
  /** The address that used it. Undefined if none has, or if two addresses sent it and neither got in. */
  from: string | undefined;
  openings: number;
  /** A wrong code followed, so the next code is not the second of two in a row. Forgotten at a restart. */
  isRowBroken?: boolean;
  /** An earlier state was lost, so it is unknown which codes of a list have been used. */
  isLost: boolean;
}

/** A valid code whose opening waits, in case another source sends it too. */
export interface HeldCode {
  readonly counter: number;
  readonly from: string;
  /** Milliseconds, monotonic. */
  readonly due: number;
}

const VERSION = 1;
const DAY_MS = 86_400_000;

export class ClientStates {
  readonly #states = new Map<string, ClientState>();
  /** By secretId: the states of secrets that were replaced. */
  readonly #retired = new Map<string, ClientState>();
  readonly #held = new Map<string, HeldCode>();
  /** By the name of a group (decision.ts). */
  readonly #guesses = new Map<string, GuessCounter>();
  /** When the states were found to be lost, in monotonic milliseconds. Undefined: they were not. */
  readonly lostAt: number | undefined;
  /** A code was used since this was last set to false. It must be written before its door opens. */
  isChanged = false;
  /** A count has changed. It may be written later. */
  isCounted = false;

  /** `lostAt`: there was no file, or no valid one. */
  constructor(lostAt?: number) {
    this.lostAt = lostAt;
  }

  /**
   * Reads the text of the file. Throws an Error that says what is wrong with it. `wall` and `now` are the same moment
   * on the two clocks.
   */
  static parse(text: string, wall: number, now: number): ClientStates {
    const states = new ClientStates();
    const { version, clients, wrong } = JSON.parse(text) as Record<string, unknown>;
    if (version !== VERSION) throw new Error(`version ${JSON.stringify(version)}, not ${VERSION}`);
    const records = objectsIn(clients);
    for (const name in records) {
      const { secret, kind, counter: last, at, from, openings, lost } = records[name]!;
      if (
        typeof secret !== "string" ||
        !isKind(kind) ||
        !isCount(last, MAX / 1000 / WINDOW_SECONDS) ||
        !isCount(at) ||
        !isCount(openings)
      )
        throw new Error(`client "${name}" is damaged`);
      const state: ClientState = {
        secret,
        kind,
        last,
        at,
        from: typeof from === "string" ? from : undefined,
        openings,
        isLost: lost === true,
      };
      (CLIENT_NAME.test(name) ? states.#states : states.#retired).set(name, state);
    }
    const counts = objectsIn(wrong);
    for (const group in counts) {
      const { count, at } = counts[group]!;
      if (!isCount(count) || !isCount(at)) throw new Error(`the wrong codes of "${group}" are damaged`);
      if (Math.abs(wall - at) < DAY_MS) states.#guesses.set(group, new GuessCounter(count, now));
    }
    return states;
  }

  /** The text that `parse` reads. */
  format(wall: number, now: number): string {
    const clients = Object.fromEntries(
      [...this.#states, ...this.#retired].map(([name, { secret, kind, last: counter, at, from, openings, isLost }]) => [
        name,
        { secret, kind, counter, at, from, openings, ...(isLost ? { lost: true } : {}) },
      ]),
    );
    const counts = [...this.#guesses].map(
      ([group, guesses]) => [group, { count: guesses.count(now), at: wall }] as const,
    );
    const wrong = Object.fromEntries(counts.filter(([, { count }]) => count > 0));
    return `${JSON.stringify({ version: VERSION, clients, wrong }, undefined, 1)}\n`;
  }

  /**
   * Sets the current clients. A client with a new name, or with a secret that was in use before, keeps the state of
   * that secret, so its used codes do not count again. Two clients may swap their names.
   */
  use(clients: readonly Pick<Client, "name" | "kind" | "secret">[]): void {
    if (clients.every((client) => this.#known(client) !== undefined)) return;
    const kept = new Set(clients.map((client) => this.#known(client)));
    const free = new Map(this.#retired);
    for (const [name, state] of this.#states) if (!kept.has(state)) free.set(secretId(name, state), state);
    for (const client of clients) {
      if (this.#known(client) !== undefined) continue;
      const id = secretId(client.name, { kind: client.kind, secret: client.secret.fingerprint });
      const state = free.get(id);
      if (state === undefined) continue;
      free.delete(id);
      for (const [name, one] of this.#states) if (one === state) this.#states.delete(name);
      this.#retired.delete(id);
      this.#set(client.name, state);
    }
  }

  /** Returns the same object as long as the secret stays the same. */
  of(client: Pick<Client, "name" | "kind" | "secret">): ClientState {
    const known = this.#known(client);
    if (known !== undefined) return known;
    const { name, kind, secret } = client;
    const isLost = this.lostAt !== undefined && !this.#states.has(name);
    const fresh = { secret: secret.fingerprint, kind, last: -1, at: 0, from: undefined, openings: 0, isLost };
    this.#set(name, fresh);
    return fresh;
  }

  #known({ name, kind, secret }: Pick<Client, "name" | "kind" | "secret">): ClientState | undefined {
    const state = this.#states.get(name);
    return state?.secret === secret.fingerprint && state.kind === kind ? state : undefined;
  }

  #set(name: string, state: ClientState): void {
    const before = this.#states.get(name);
    if (before !== undefined) this.#retired.set(secretId(name, before), before);
    this.#states.set(name, state);
  }

  /**
   * Makes used codes count as unused: for a client whose clock was ahead, and for a list whose state was lost. `last`
   * is the counter that still counts as used. Returns false if there is no such client.
   */
  reset(name: string, last: number): boolean {
    const state = this.#states.get(name);
    if (state === undefined) return false;
    Object.assign(state, { last, at: 0, from: undefined, isLost: false });
    this.#held.delete(name);
    this.isChanged = true;
    return true;
  }

  held(name: string): HeldCode | undefined {
    return this.#held.get(name);
  }

  hold(name: string, held: HeldCode | undefined): void {
    if (held === undefined) this.#held.delete(name);
    else this.#held.set(name, held);
  }

  guesses(group: string): GuessCounter {
    let guesses = this.#guesses.get(group);
    if (guesses === undefined) {
      guesses = new GuessCounter();
      this.#guesses.set(group, guesses);
    }
    return guesses;
  }
}

/** A key's codes depend on its name too. A client's name has no space, so an id is never mistaken for a name. */
function secretId(name: string, { kind, secret }: Pick<ClientState, "kind" | "secret">): string {
  return kind === "key" ? `${kind} ${secret} ${name}` : `${kind} ${secret}`;
}

function isKind(value: unknown): value is ClientKind {
  return value === "code" || value === "key" || value === "list";
}

type Fields = Readonly<Record<string, unknown>>;

/** The value as an object of objects. Throws an Error if it is none. */
function objectsIn(value: unknown): Readonly<Record<string, Fields>> {
  if (typeof value !== "object" || value === null) throw new Error("it is damaged");
  const objects = value as Record<string, Fields>;
  for (const name in objects)
    if (typeof objects[name] !== "object" || objects[name] === null) throw new Error(`"${name}" is damaged`);
  return objects;
}

/** The last millisecond that a Date can represent. No counter and no time exceeds it. */
const MAX = 8_640_000_000_000_000;

function isCount(value: unknown, most = MAX): value is number {
  return Number.isSafeInteger(value) && (value as number) >= -1 && (value as number) <= most;
}
