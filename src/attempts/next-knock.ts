// Says which packet would open a door, if it is the next one. Only where nothing but time can change the decision: then the
// addon may open the door before the decision is made (net/expected-knock.ts).

import { strayLimit } from "../config/door.ts";
import type { DoorRef } from "../events/knock-event.ts";
import { copyOf } from "../net/address.ts";
import type { ExpectedKnock } from "../net/expected-knock.ts";
import { knockKey } from "../net/knock-key.ts";
import { type Packet, TCP } from "../net/packet.ts";
import type { AttemptTable } from "./attempt-table.ts";
import type { CurrentPacket } from "./current-packet.ts";
import { HASTY_MS } from "./held-openings.ts";
import type { Refusals } from "./refusals.ts";
import type { Retransmissions } from "./retransmissions.ts";

export interface NextKnockParts {
  readonly table: AttemptTable;
  readonly refusals: Refusals;
  readonly retransmissions: Retransmissions;
  readonly isAnswer: (packet: Packet) => boolean;
}

export class NextKnock {
  readonly #parts: NextKnockParts;

  constructor(parts: NextKnockParts) {
    this.#parts = parts;
  }

  /** The packet has begun or advanced an attempt at this door. Undefined if no packet would open its door for sure. */
  after({ packet, hash }: CurrentPacket, ref: DoorRef, now: number): ExpectedKnock | undefined {
    const { table, refusals, retransmissions, isAnswer } = this.#parts;
    const { pool } = table;
    if (table.collect(packet.source, hash) !== 1) return undefined; // several attempts affect each other
    const slot = table.collected[0]!;
    const state = table.state(slot);
    const { knocks, door, timeouts } = state;
    const stage = pool.stage(slot);
    const key = knocks[stage];
    if (state.ref !== ref || key === undefined || stage !== knocks.length - 1) return undefined; // codes have no knocks
    const port = key & 0xffff;
    const { protocol, flags } = packet;
    // A port that comes twice: the knock may be a copy of the earlier one.
    if (key !== knockKey(protocol, port) || knocks.indexOf(key) !== stage) return undefined;
    if (pool.strays.hasAny(slot)) return undefined;
    if (refusals.cooldownLeft(state, hash, now) > 0 || isAnswer({ ...packet, port })) return undefined;
    if (protocol === TCP && retransmissions.mayHavePort(hash, port, now)) return undefined; // it may come again
    const age = pool.age(slot, now);
    return {
      source: copyOf(packet.source),
      destination: copyOf(packet.destination),
      port,
      protocol,
      flags,
      soonest: strayLimit(door.policy) > 0 ? Math.max(0, HASTY_MS - age) : 0,
      latest: timeouts.milliseconds - age,
    };
  }
}
