// A door while it is in use, with everything that decides about its attempts.

import type { Client } from "../codes/client.ts";
import { groupsOf } from "../codes/client-checks.ts";
import type { CodeGroup } from "../codes/decision.ts";
import { codeFlags } from "../config/code-doors.ts";
import type { Door } from "../config/door.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import type { DoorRef } from "../events/knock-event.ts";
import type { Address } from "../net/address.ts";
import { knockKey } from "../net/knock-key.ts";
import { TCP, UDP } from "../net/packet.ts";
import type { TcpFlags } from "../net/tcp-flags.ts";
import { EventCache } from "./event-cache.ts";
import type { TimeoutQueue } from "./expiry.ts";

/** The conditions under which a door accepts a packet. Several doors may share one rule. */
export interface MatchRule {
  readonly flags: TcpFlags;
  readonly targets: readonly Address[] | undefined;
}

/** What opens a door: its sequence, or the codes of a group of clients that have the same ports. */
export interface WayIn {
  readonly resolvedDoor: ResolvedDoor;
  readonly group: readonly Client[] | undefined;
}

/** The ways into a door. Each has a state of its own. */
export function waysIn(resolvedDoor: ResolvedDoor): WayIn[] {
  const { sequence, clients } = resolvedDoor.door;
  const ways = groupsOf(clients).map((group) => ({ resolvedDoor, group }));
  return sequence.length === 0 ? ways : [{ resolvedDoor, group: undefined }, ...ways];
}

/** The parts of a state that the index provides. */
interface DoorStateParts {
  /** The id of its ref. */
  readonly id: number;
  readonly identity: string;
  readonly rule: MatchRule;
  readonly timeouts: TimeoutQueue;
}

/** A class, so that all states have one shape for V8: every packet reads them. */
export class DoorState {
  /** -1 before the index has given it a number. */
  number = -1;
  door: Door;
  /** The door as events name it. */
  readonly ref: DoorRef;
  readonly identity: string;
  /** Names the door in cooldowns.ts, also after a reload. Unlike `number`, no other door ever gets it. */
  pauseId = 0;
  readonly rule: MatchRule;
  /** The protocols of its knocks. */
  readonly protocols: ReadonlySet<number>;
  /** The key of the knock at each stage. Empty with `codes`. */
  readonly knocks: readonly number[];
  /** The clients whose codes open it, instead of knocks in order (code-attempts.ts). */
  codes: CodeGroup | undefined = undefined;
  readonly timeouts: TimeoutQueue;
  readonly events: EventCache;
  /** Its place among the doors. */
  order = 0;
  /** Gone from the config, or its one-time sequence is used: its attempts are void. */
  retired = false;
  /** The number of its attempts that have a slot. */
  live = 0;
  /** The number of the last packet whose source had a live attempt here. */
  metAt = 0;

  constructor({ resolvedDoor, group }: WayIn, { id, identity, rule, timeouts }: DoorStateParts) {
    const { door } = resolvedDoor;
    const { name, seqTimeout } = door;
    const protocols = group === undefined ? door.sequence.map(({ protocol }) => protocol) : [group[0]!.protocol];
    this.door = door;
    this.identity = identity;
    this.rule = rule;
    this.protocols = new Set(protocols.map(numberOf));
    this.knocks =
      group === undefined ? door.sequence.map(({ protocol, port }) => knockKey(numberOf(protocol), port)) : [];
    this.timeouts = timeouts;
    this.ref = { id, name, knocks: group === undefined ? this.knocks.length : group[0]!.blocks.length, seqTimeout };
    this.events = new EventCache(this.ref);
  }
}

function numberOf(protocol: "tcp" | "udp"): number {
  return protocol === "tcp" ? TCP : UDP;
}

/** Everything of a door that decides about attempts. For codes: the ports, not the secrets. */
export function identify({ resolvedDoor, group }: WayIn): string {
  const { door, targets } = resolvedDoor;
  const { name, sequence, seqTimeout, tcpFlags, oneTimeSequences } = door;
  if (group !== undefined) {
    const { protocol, blocks } = group[0]!;
    return JSON.stringify([name, "codes", protocol, blocks, seqTimeout, codeFlags(door), targets]);
  }
  return JSON.stringify([name, sequence, seqTimeout, tcpFlags, oneTimeSequences, targets]);
}

/**
 * Gives each door its pauseId. A ban or cooldown survives a new timeout, new flags or the next one-time sequence. Doors with
 * equal name, sequence and Target differ by their order.
 */
export function setPauseIds(states: readonly DoorState[]): void {
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
