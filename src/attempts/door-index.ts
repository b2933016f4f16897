// Which doors listen for a knock: the doors in use, by the number that stands in the slots and by port and protocol.

import { ClientStates } from "../codes/client-states.ts";
import { CodeGroup } from "../codes/decision.ts";
import { codeFlags, codePolicy } from "../config/code-doors.ts";
import type { Door } from "../config/door.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import { KNOCK_KEYS } from "../net/knock-key.ts";
import { DoorState, identify, type MatchRule, setPauseIds, type WayIn, waysIn } from "./door-state.ts";
import type { Expiry } from "./expiry.ts";
import { indexByPort, type PortEntry } from "./port-index.ts";

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
  /** The first number is no door's. */
  #index: (PortEntry | undefined)[] = [undefined];
  #keys: number[] = [];

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
    const states = resolvedDoors.flatMap(waysIn).map((way, order) => {
      const { resolvedDoor, group } = way;
      const identity = identify(way);
      const state = before.get(identity)?.shift() ?? this.#newState(way, identity, rules);
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
    for (const key of this.#keys) this.#entryOfKey[key] = 0; // all others are 0, and their memory is untouched
    this.#index = [undefined];
    this.#keys = [];
    const places = new Map<PortEntry, number>();
    // The blocks of codes are thousands of ports with one entry.
    indexByPort(states).forEach((entry, key) => {
      const place = places.get(entry) ?? this.#index.push(entry) - 1;
      places.set(entry, place);
      this.#entryOfKey[key] = place;
      this.#keys.push(key);
    });
    this.#expiry.prune(new Set(states.map((state) => state.timeouts)));
  }

  /** `rules`: those of the other doors. Doors with equal rules share one. */
  #newState(way: WayIn, identity: string, rules: Map<string, MatchRule>): DoorState {
    const { door, targets } = way.resolvedDoor;
    const flags = way.group === undefined ? door.tcpFlags : codeFlags(door);
    const key = JSON.stringify([flags, targets]);
    const rule = rules.get(key) ?? { flags, targets };
    rules.set(key, rule);
    return new DoorState(way, { id: ++this.#lastId, identity, rule, timeouts: this.#expiry.queueFor(door.seqTimeout) });
  }

  /** A retired door whose last attempt has gone needs its number no more. */
  #forget(state: DoorState): void {
    if (state.live > 0) return;
    this.#doors[state.number] = undefined;
    this.#freeNumbers.push(state.number);
  }
}
