// The events of one door, made once for as long as they come about for the same client: in a flood from one source,
// making them and the arrays around them was an eighth of what a packet cost (bench/flood.ts, "whole sequences").

import type { DoorRef, KnockEvent } from "../events/knock-event.ts";
import type { Address } from "../net/address.ts";

type Stage = Extract<KnockEvent, { type: "stage" }>;

export class EventCache {
  readonly #door: DoorRef;
  /** By stage, the last event that came alone. */
  readonly #stages: (readonly [Stage])[] = [];
  /** The last one that came with its opening. */
  #opening: readonly [Stage, KnockEvent] | undefined;

  constructor(door: DoorRef) {
    this.#door = door;
  }

  /** `stage` is reached. An equal address in another object counts as another client. */
  stage(knocker: Address, stage: number): readonly KnockEvent[] {
    const last = this.#stages[stage];
    if (last !== undefined && last[0].knocker === knocker) return last;
    const events = [{ type: "stage", door: this.#door, knocker, stage }] as const;
    this.#stages[stage] = events;
    return events;
  }

  /** The last stage is reached, and the door opens. */
  opening(knocker: Address, stage: number): readonly KnockEvent[] {
    const last = this.#opening;
    if (last !== undefined && last[0].knocker === knocker) return last;
    const events = [
      { type: "stage", door: this.#door, knocker, stage },
      { type: "open", door: this.#door, knocker },
    ] as const;
    this.#opening = events;
    return events;
  }
}
