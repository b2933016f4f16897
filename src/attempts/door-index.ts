// Which doors listen for a knock: the doors in use, by the number that stands in the slots and by port and protocol.

import type { Door } from "../config/door.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import type { DoorRef } from "../events/knock-event.ts";
import type { Address } from "../net/address.ts";
import { TCP, UDP } from "../net/packet.ts";
import type { TcpFlags } from "../net/tcp-flags.ts";
import { EventCache } from "./event-cache.ts";
import type { Expiry, TimeoutQueue } from "./expiry.ts";

/** What must hold for a packet to be heard at all by the doors that share it. */
export interface MatchRule {
  readonly flags: TcpFlags;
  readonly targets: readonly Address[] | undefined;
}

/** A door while it is in use. */
export interface DoorState {
  /** -1 until it has one. */
  number: number;
  door: Door;
  /** The same door, as events name it. */
  readonly ref: DoorRef;
  readonly identity: string;
  /** Names the door in cooldowns.ts, also after a reload. Unlike `number`, it never passes to another door. */
  pauseId: number;
  readonly rule: MatchRule;
  /** Those of its knocks. */
  readonly protocols: ReadonlySet<number>;
  /** Of each stage, the key of its knock. */
  readonly knocks: readonly number[];
  readonly timeouts: TimeoutQueue;
  readonly events: EventCache;
  /** Its place among the doors. */
  order: number;
  /** Gone from the config, or its one-time sequence is used: its attempts are void. */
  retired: boolean;
  /** Its attempts that have a slot. */
  live: number;
  /** The packet at which a live attempt of its source was last met here. */
  metAt: number;
}

/** What a knock's port and protocol lead to. */
export interface PortEntry {
  readonly rules: readonly MatchRule[];
  /** The doors whose first knock it is. */
  readonly firsts: readonly DoorState[];
}

/** Below KNOCK_KEYS. */
export function knockKey(protocol: number, port: number): number {
  return protocol === TCP ? port : 0x10000 | port;
}

const KNOCK_KEYS = 0x20000;

export class DoorIndex {
  readonly #expiry: Expiry;
  /** By number. A number is used again only when no slot holds it. */
  readonly #doors: (DoorState | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  /** Those in use, by the id in their events. Unlike a number, an id is never used again. */
  #byId: ReadonlyMap<number, DoorState> = new Map();
  #lastId = 0;
  /** By knockKey, where in #index: a Map would cost each packet a tenth of all it costs (bench/flood.ts). */
  readonly #entryOfKey = new Int32Array(KNOCK_KEYS);
  /** The first is nobody's. */
  #index: (PortEntry | undefined)[] = [undefined];
  #keys: readonly number[] = [];

  constructor(expiry: Expiry) {
    this.#expiry = expiry;
  }

  /** Of a `knockKey`; undefined when no door uses that knock. */
  entry(key: number): PortEntry | undefined {
    return this.#index[this.#entryOfKey[key]!];
  }

  door(number: number): DoorState {
    return this.#doors[number]!;
  }

  /** The door of an event. */
  doorOf(id: number): Door {
    return this.#byId.get(id)!.door;
  }

  /** From now on these. A door that did not change keeps its state, and so its attempts; others are retired. */
  set(resolvedDoors: readonly ResolvedDoor[]): void {
    const before = new Map<string, DoorState[]>();
    for (const state of this.#doors) {
      if (state === undefined) continue;
      const same = before.get(state.identity) ?? [];
      before.set(state.identity, same);
      if (state.retired) this.#forget(state);
      else same.push(state);
    }
    const rules = new Map<string, MatchRule>();
    const states = resolvedDoors.map((resolvedDoor, order) => {
      const identity = identify(resolvedDoor);
      const state = before.get(identity)?.shift() ?? this.#newState(resolvedDoor, identity, rules);
      state.door = resolvedDoor.door;
      state.order = order;
      return state;
    });
    this.#byId = new Map(states.map((state) => [state.ref.id, state]));
    setPauseIds(states);
    for (const gone of [...before.values()].flat()) {
      gone.retired = true;
      this.#forget(gone);
    }
    for (const state of states) {
      if (state.number >= 0) continue;
      state.number = this.#freeNumbers.pop() ?? this.#doors.length;
      this.#doors[state.number] = state;
    }
    for (const key of this.#keys) this.#entryOfKey[key] = 0;
    const index = indexByPort(states);
    this.#keys = [...index.keys()];
    this.#index = [undefined, ...index.values()];
    for (const [place, key] of this.#keys.entries()) this.#entryOfKey[key] = place + 1;
    this.#expiry.prune(new Set(states.map((state) => state.timeouts)));
  }

  #newState(resolvedDoor: ResolvedDoor, identity: string, rules: Map<string, MatchRule>): DoorState {
    const { door, targets } = resolvedDoor;
    const key = JSON.stringify([door.tcpFlags, targets]);
    const hearing = rules.get(key) ?? { flags: door.tcpFlags, targets };
    rules.set(key, hearing);
    const numbered = door.sequence.map(({ protocol, port }) => ({ protocol: protocol === "tcp" ? TCP : UDP, port }));
    const protocols = new Set(numbered.map(({ protocol }) => protocol));
    const knocks = numbered.map(({ protocol, port }) => knockKey(protocol, port));
    const term = this.#expiry.queueFor(door.seqTimeout);
    const { name, seqTimeout } = door;
    const ref = { id: ++this.#lastId, name, knocks: knocks.length, seqTimeout };
    const events = new EventCache(ref);
    const fresh = { number: -1, pauseId: 0, order: 0, retired: false, live: 0, metAt: 0 };
    return { ...fresh, door, ref, identity, rule: hearing, protocols, knocks, timeouts: term, events };
  }

  /** A retired door whose last attempt has gone needs its number no more. */
  #forget(state: DoorState): void {
    if (state.live > 0) return;
    this.#doors[state.number] = undefined;
    this.#freeNumbers.push(state.number);
  }
}

/** All of a door by which attempts are judged. */
function identify({ door, targets }: ResolvedDoor): string {
  const { name, sequence, seqTimeout, tcpFlags, oneTimeSequences } = door;
  return JSON.stringify([name, sequence, seqTimeout, tcpFlags, oneTimeSequences, targets]);
}

/**
 * A ban or cooldown outlives a new timeout, new flags or the next one-time sequence. Doors that are equal in name, sequence
 * and Target are told apart by their order.
 */
function setPauseIds(states: readonly DoorState[]): void {
  const counts = new Map<string, number>();
  for (const state of states) {
    const { name, sequence, oneTimeSequences, target } = state.door;
    const key = JSON.stringify([name, oneTimeSequences ?? sequence, target?.host]);
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    state.pauseId = hashOf(`${key}${count}`);
  }
}

/** FNV-1a. It needs no secret: the config's author chooses the names. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

function indexByPort(states: readonly DoorState[]): Map<number, PortEntry> {
  const index = new Map<number, { rules: Set<MatchRule>; firsts: DoorState[] }>();
  for (const state of states) {
    state.knocks.forEach((key, stage) => {
      const entry = index.get(key) ?? { rules: new Set(), firsts: [] };
      index.set(key, entry);
      entry.rules.add(state.rule);
      if (stage === 0) entry.firsts.push(state);
    });
  }
  return new Map([...index].map(([key, { rules, firsts }]) => [key, { rules: [...rules], firsts }]));
}
