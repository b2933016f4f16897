// Finds the doors that listen for a knock: by port and protocol, and by the number that an attempt's slot holds.

import { ClientStates } from "../codes/client-states.ts";
import { CodeGroup } from "../codes/decision.ts";
import { codeFlags, codePolicy } from "../config/code-doors.ts";
import type { Door } from "../config/door.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import { DoorState, identify, type MatchRule, setPauseIds, type WayIn, waysIn } from "./door-state.ts";
import type { Expiry } from "./expiry.ts";
import { type PortEntry, PortIndex } from "./port-index.ts";

export class DoorIndex {
  readonly #expiry: Expiry;
  /** The doors by number. A number is reused only when no slot holds it. */
  readonly #doors: (DoorState | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  /** The doors in use by the id in their events. Unlike a number, an id is never reused. */
  #byId: ReadonlyMap<number, DoorState> = new Map();
  #lastId = 0;
  /** The door that `doorOf` returned last: in a flood, it is nearly always the same one. */
  #lastAsked: DoorState | undefined;
  readonly #ports = new PortIndex();

  constructor(expiry: Expiry) {
    this.#expiry = expiry;
  }

  /** The entry of a `knockKey`. Undefined if no door uses that knock. */
  entry(key: number): PortEntry | undefined {
    return this.#ports.entry(key);
  }

  door(number: number): DoorState {
    return this.#doors[number]!;
  }

  /** The door of an event. */
  doorOf(id: number): Door {
    if (this.#lastAsked?.ref.id !== id) this.#lastAsked = this.#byId.get(id)!;
    return this.#lastAsked.door;
  }

  /** Sets the doors. A door that did not change keeps its state, and so its attempts. Others are retired. */
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
    this.#lastAsked = undefined;
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
    this.#ports.set(states);
    this.#expiry.prune(new Set(states.map((state) => state.timeouts)));
  }

  /** `rules`: those of the other doors. Doors with equal rules share one rule. */
  #newState(way: WayIn, identity: string, rules: Map<string, MatchRule>): DoorState {
    const { door, targets } = way.resolvedDoor;
    const flags = way.group === undefined ? door.tcpFlags : codeFlags(door);
    const key = JSON.stringify([flags, targets]);
    const rule = rules.get(key) ?? { flags, targets };
    rules.set(key, rule);
    return new DoorState(way, { id: ++this.#lastId, identity, rule, timeouts: this.#expiry.queueFor(door.seqTimeout) });
  }

  /** Frees the number of a retired door after its last attempt is gone. */
  #forget(state: DoorState): void {
    if (state.live > 0) return;
    this.#doors[state.number] = undefined;
    this.#freeNumbers.push(state.number);
  }
}
