// Decides whether a guess (one port of each block) is a code that counts. docs/codes.md explains each rule.

import type { CodeDecision, CodeRefusal } from "../events/code-decision.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { isWithin } from "../net/network.ts";
import { blockSize, type Client } from "./client.ts";
import type { ClientState, ClientStates } from "./client-states.ts";
import { WINDOW_SECONDS, windowAt } from "./derive.ts";
import { HmacBudget } from "./hmac-budget.ts";
import { isWithinHours } from "./hours.ts";
import { MAX_COMPARED, ValidCodes } from "./valid-codes.ts";

/** How many unused codes of a list may be skipped. */
const LOOK_AHEAD = 10;
/** A code at most this many windows off is reported as a wrong clock, not as a wrong code. */
const HINT_WINDOWS = 20;
/** The limit for that search, which may take forty HMACs for each client. */
const MAX_HINTS_A_SECOND = 10;
const SECOND_MS = 1000;
/** The longest time between two codes in a row, with the largest Code_Skew. */
const ROW_MS = 22 * 1000 * WINDOW_SECONDS;

export interface CodePolicy {
  /** Windows before and after the current one whose codes count. */
  readonly skew: number;
  /** For this many seconds, a second source with the same code makes both fail. */
  readonly hold: number;
  /** After this many wrong codes in 24 hours, two codes in a row are needed. 0: never. */
  readonly maxGuesses: number;
}

export interface Moment {
  /** Milliseconds, monotonic. */
  readonly now: number;
  /** Milliseconds since 1970. */
  readonly wall: number;
}

/** The clients whose codes go to the same ports: one client, or all key clients of a door. */
export class CodeGroup {
  /** The client's name, or the number of clients. */
  readonly name: string;
  readonly clients: readonly Client[];
  /** The first port of each block. */
  readonly blocks: readonly number[];
  readonly blockSize: number;
  readonly #states: ClientStates;
  readonly #policy: CodePolicy;
  readonly #codes: ValidCodes;
  /** By the client's number. */
  readonly #stateOf: readonly ClientState[];
  /** Clients whose codes are compared one by one: all if they are few, otherwise those that are bound to an address. */
  readonly #compared: readonly number[];
  /** The number of HMACs that a guess costs. */
  readonly #cost: number;
  readonly #budget = new HmacBudget();
  readonly #groupKey: string;
  #second = Number.NEGATIVE_INFINITY;
  #hints = 0;

  constructor(clients: readonly Client[], policy: CodePolicy, states: ClientStates) {
    this.clients = clients;
    this.blocks = clients[0]!.blocks;
    this.blockSize = blockSize(clients[0]!);
    this.name = clients.length === 1 ? clients[0]!.name : `${clients.length} clients`;
    this.#policy = policy;
    this.#states = states;
    this.#codes = new ValidCodes(clients);
    this.#stateOf = clients.map((client) => states.of(client));
    const all = [...clients.keys()];
    this.#compared = clients.length > MAX_COMPARED ? all.filter((number) => clients[number]!.bind) : all;
    this.#cost = clients.filter(({ bind }) => bind).length * (2 * policy.skew + 1);
    const [{ kind, door, name }] = clients as readonly [Client];
    this.#groupKey = kind === "key" ? `keys of ${door}` : name; // the same however many keys there are
  }

  /** `guess` is a number as `placesNumber` makes it. */
  decide(guess: number, source: Address, moment: Moment): CodeDecision {
    const { now, wall } = moment;
    const window = windowAt(wall);
    if (this.clients.length > MAX_COMPARED) {
      for (let counter = window - this.#policy.skew; counter <= window + this.#policy.skew; counter++) {
        const number = this.#codes.owner(counter, guess);
        if (number < 0) continue;
        if (counter > this.#stateOf[number]!.last) return this.#right(number, counter, source, moment);
        return this.#used(number, counter, source, moment);
      }
    }
    const isAffordable = this.#cost === 0 || this.#budget.spend(this.#cost, source, now);
    let used = -1;
    let usedCounter = 0;
    for (const number of this.#compared) {
      const { kind, bind } = this.clients[number]!;
      if (bind && !isAffordable) continue;
      const isList = kind === "list";
      const state = this.#stateOf[number]!;
      const middle = isList ? state.last : window;
      const reach = isList ? LOOK_AHEAD : this.#policy.skew;
      for (let counter = Math.max(0, middle - reach); counter <= middle + reach; counter++) {
        if (this.#codes.of(number, counter, source) !== guess) continue;
        if (counter > state.last) return this.#right(number, counter, source, moment);
        used = number; // keep looking: a later code with the same digits may be unused
        usedCounter = counter;
      }
    }
    if (used >= 0) return this.#used(used, usedCounter, source, moment);
    return this.#hint(guess, source, window, now) ?? this.#wrong(source, moment, isAffordable);
  }

  /** The number of the block that contains the port. -1: none. */
  blockOf(port: number): number {
    for (let block = 0; block < this.blocks.length; block++) {
      const place = port - this.blocks[block]!;
      if (place >= 0 && place < this.blockSize) return block;
    }
    return -1;
  }

  /** Is the client whose opening is held still in the config? */
  has(name: string): boolean {
    return this.clients.some((client) => client.name === name);
  }

  /** The held code opens its door now. */
  opened(name: string): void {
    const client = this.clients.find((one) => one.name === name);
    if (client === undefined) return;
    this.#states.hold(name, undefined);
    this.#states.of(client).openings++;
    this.#states.isCounted = true;
  }

  #right(number: number, counter: number, source: Address, { now, wall }: Moment): CodeDecision {
    const client = this.clients[number]!;
    const state = this.#stateOf[number]!;
    const { name } = client;
    const why = this.#refusal(client, { state, counter, source, now, wall });
    // The code stays unused: an observer who sends it from elsewhere must not use it up before its client does.
    if (why !== undefined) return { result: "refused", client: name, why };
    const from = formatAddress(source);
    const isSecond = state.last === counter - 1 && state.from === from && state.isRowBroken !== true;
    delete state.isRowBroken;
    state.last = counter;
    state.at = wall;
    state.from = from;
    this.#states.isChanged = true;
    const { maxGuesses, hold } = this.#policy;
    const isBesieged = maxGuesses > 0 && this.#states.guesses(this.#groupKey).count(now) > maxGuesses;
    if (isBesieged && !isSecond) return { result: "first", client: name };
    const holdMs = client.bind ? 0 : hold * SECOND_MS;
    if (holdMs > 0) this.#states.hold(name, { counter, from, due: now + holdMs });
    return { result: "accepted", client: name, holdMs };
  }

  #refusal(
    { kind, from, hours, expires }: Client,
    { state, counter, source, now, wall }: Moment & { state: ClientState; counter: number; source: Address },
  ): CodeRefusal | undefined {
    const date = new Date(wall);
    if (expires !== undefined && isAfter(date, expires)) return "expires";
    if (hours !== undefined && !isWithinHours(hours, date)) return "hours";
    if (from.length > 0 && !from.some((network) => isWithin(network, source))) return "from";
    if (kind === "list") return state.isLost ? "list" : undefined;
    const { lostAt } = this.#states;
    // The lost codes belong to windows before the loss. Compute that moment with the current clock, which may have been
    // set since.
    if (lostAt !== undefined && counter <= windowAt(wall - (now - lostAt)) + this.#policy.skew) return "recent";
    return undefined;
  }

  #used(number: number, counter: number, source: Address, { now, wall }: Moment): CodeDecision {
    const { name, kind } = this.clients[number]!;
    const state = this.#stateOf[number]!;
    // Tell the client: every code that its device shows is older than the last used one.
    if (kind !== "list" && state.last > windowAt(wall) + this.#policy.skew)
      return { result: "refused", client: name, why: "ahead" };
    const from = formatAddress(source);
    const held = this.#states.held(name);
    if (held !== undefined && held.counter === counter && now < held.due && held.from !== from) {
      this.#states.hold(name, undefined);
      state.from = undefined; // it does not count as the first of two in a row
      this.#states.isChanged = true;
      return { result: "contested", client: name, other: held.from };
    }
    if (state.from === from) return { result: "repeat", client: name };
    return { result: "replay", client: name, other: counter === state.last ? state.from : undefined };
  }

  /** Is it a code of another time, so that a clock is wrong? */
  #hint(guess: number, source: Address, window: number, now: number): CodeDecision | undefined {
    if (this.clients.length > MAX_COMPARED) return undefined;
    if (now - this.#second >= SECOND_MS) {
      this.#second = now;
      this.#hints = 0;
    }
    if (++this.#hints > MAX_HINTS_A_SECOND) return undefined;
    for (const [number, { name, kind, bind }] of this.clients.entries()) {
      if (kind === "list" || bind) continue;
      for (let counter = Math.max(0, window - HINT_WINDOWS); counter <= window + HINT_WINDOWS; counter++) {
        if (this.#codes.of(number, counter, source) !== guess) continue;
        return { result: "clock", client: name, seconds: (window - counter) * WINDOW_SECONDS };
      }
    }
    return undefined;
  }

  /**
   * A guess that was not compared with all keys counts too. Otherwise a flood would make guessing at the others free.
   */
  #wrong(source: Address, { now, wall }: Moment, isCompared: boolean): CodeDecision {
    this.#states.isCounted = true;
    const count = this.#states.guesses(this.#groupKey).add(now);
    if (!isCompared) return { result: "busy", client: this.name };
    this.#breakRow(source, wall);
    return { result: "wrong", client: this.name, count, most: this.#policy.maxGuesses };
  }

  /**
   * An attacker who has guessed the first of two codes must not keep guessing the second. This is not needed for keys:
   * even one cannot be guessed.
   */
  #breakRow(source: Address, wall: number): void {
    const [state] = this.#stateOf;
    if (this.#stateOf.length > 1 || state!.from === undefined || Math.abs(wall - state!.at) > ROW_MS) return;
    if (state!.from === formatAddress(source)) state!.isRowBroken = true;
  }
}

/** Is `day`, the last valid day, over? */
function isAfter(date: Date, day: string): boolean {
  const [year, month, last] = day.split("-").map(Number);
  return date >= new Date(year!, month! - 1, last! + 1);
}
