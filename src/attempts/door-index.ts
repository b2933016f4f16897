// Which doors listen for a knock: the doors in use, by the number that stands in the slots and by port and protocol.

import type { Client } from "../codes/client.ts";
import { groupsOf } from "../codes/client-checks.ts";
import { ClientStates } from "../codes/client-states.ts";
import { CodeGroup } from "../codes/decision.ts";
import { codeFlags, codePolicy } from "../config/code-doors.ts";
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
  /** Of each stage, the key of its knock; empty with `codes`. */
  readonly knocks: readonly number[];
  /** The clients whose codes open it, instead of knocks in order (code-attempts.ts). */
  codes: CodeGroup | undefined;
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
  /** Is it a knock of some sequence? */
  readonly isKnock: boolean;
  /** The doors whose first knock it is. */
  readonly firsts: readonly DoorState[];
  /** The doors of whose codes it is a port. */
  readonly codes: readonly DoorState[];
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
  set(resolvedDoors: readonly ResolvedDoor[], clientStates = new ClientStates()): void {
    const before = new Map<string, DoorState[]>();
    for (const state of this.#doors) {
      if (state === undefined) continue;
      const same = before.get(state.identity) ?? [];
      before.set(state.identity, same);
      if (state.retired) this.#forget(state);
      else same.push(state);
    }
    const rules = new Map<string, MatchRule>();
    const states = resolvedDoors.flatMap(waysIn).map(({ resolvedDoor, group }, order) => {
      const identity = identify(resolvedDoor, group);
      const state = before.get(identity)?.shift() ?? this.#newState(resolvedDoor, group, identity, rules);
      state.door = resolvedDoor.door;
      state.order = order;
      state.codes = group && new CodeGroup(group, codePolicy(resolvedDoor.door, group), clientStates);
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

  #newState(
    resolvedDoor: ResolvedDoor,
    group: Group | undefined,
    identity: string,
    rules: Map<string, MatchRule>,
  ): DoorState {
    const { door, targets } = resolvedDoor;
    const flags = group === undefined ? door.tcpFlags : codeFlags(door);
    const key = JSON.stringify([flags, targets]);
    const hearing = rules.get(key) ?? { flags, targets };
    rules.set(key, hearing);
    if (group !== undefined) return this.#newCodeState(door, group[0]!, identity, hearing);
    const numbered = door.sequence.map(({ protocol, port }) => ({ protocol: protocol === "tcp" ? TCP : UDP, port }));
    const protocols = new Set(numbered.map(({ protocol }) => protocol));
    const knocks = numbered.map(({ protocol, port }) => knockKey(protocol, port));
    const term = this.#expiry.queueFor(door.seqTimeout);
    const { name, seqTimeout } = door;
    const ref = { id: ++this.#lastId, name, knocks: knocks.length, seqTimeout };
    const events = new EventCache(ref);
    return { ...fresh(), door, ref, identity, rule: hearing, protocols, knocks, timeouts: term, events };
  }

  #newCodeState(door: Door, { protocol, blocks }: Client, identity: string, rule: MatchRule): DoorState {
    const { name, seqTimeout } = door;
    const ref = { id: ++this.#lastId, name, knocks: blocks.length, seqTimeout };
    const protocols = new Set([protocol === "tcp" ? TCP : UDP]);
    const timeouts = this.#expiry.queueFor(seqTimeout);
    return { ...fresh(), door, ref, identity, rule, protocols, knocks: [], timeouts, events: new EventCache(ref) };
  }

  /** A retired door whose last attempt has gone needs its number no more. */
  #forget(state: DoorState): void {
    if (state.live > 0) return;
    this.#doors[state.number] = undefined;
    this.#freeNumbers.push(state.number);
  }
}

function fresh() {
  return { number: -1, pauseId: 0, order: 0, retired: false, live: 0, metAt: 0, codes: undefined };
}

type Group = readonly Client[];

/** A door has a state for its sequence, and one for each group of clients whose codes have the same ports. */
function waysIn(resolvedDoor: ResolvedDoor): { resolvedDoor: ResolvedDoor; group: Group | undefined }[] {
  const { sequence, clients } = resolvedDoor.door;
  const ways = groupsOf(clients).map((group) => ({ resolvedDoor, group }));
  return sequence.length === 0 ? ways : [{ resolvedDoor, group: undefined }, ...ways];
}

/** All of a door by which attempts are judged: of codes the ports, not the secrets. */
function identify({ door, targets }: ResolvedDoor, group: Group | undefined): string {
  const { name, sequence, seqTimeout, tcpFlags, oneTimeSequences } = door;
  if (group !== undefined) {
    const { protocol, blocks } = group[0]!;
    return JSON.stringify([name, "codes", protocol, blocks, seqTimeout, codeFlags(door), targets]);
  }
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
    const knocks = state.codes === undefined ? (oneTimeSequences ?? sequence) : { blocks: state.codes.blocks };
    const key = JSON.stringify([name, knocks, target?.host]);
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
  const index = indexKnocks(states);
  for (const state of states) {
    if (state.codes === undefined) continue;
    const { blocks, blockSize } = state.codes;
    const [protocol] = state.protocols;
    // Nearly all ports of a block are nobody else's: one entry serves them all.
    const entry = { rules: [state.rule], isKnock: false, firsts: [], codes: [state] };
    for (const first of blocks) {
      for (let port = first; port < first + blockSize; port++) {
        const key = knockKey(protocol!, port);
        const there = index.get(key);
        index.set(key, there === undefined ? entry : both(there, entry));
      }
    }
  }
  return index;
}

function both(one: PortEntry, other: PortEntry): PortEntry {
  return {
    rules: [...new Set([...one.rules, ...other.rules])],
    isKnock: one.isKnock || other.isKnock,
    firsts: [...one.firsts, ...other.firsts],
    codes: [...one.codes, ...other.codes],
  };
}

function indexKnocks(states: readonly DoorState[]): Map<number, PortEntry> {
  const index = new Map<number, { rules: Set<MatchRule>; firsts: DoorState[] }>();
  for (const state of states) {
    state.knocks.forEach((key, stage) => {
      const entry = index.get(key) ?? { rules: new Set(), firsts: [] };
      index.set(key, entry);
      entry.rules.add(state.rule);
      if (stage === 0) entry.firsts.push(state);
    });
  }
  return new Map(
    [...index].map(([key, { rules, firsts }]) => [key, { rules: [...rules], isKnock: true, firsts, codes: [] }]),
  );
}
