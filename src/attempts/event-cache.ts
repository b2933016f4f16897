// Caches the events of one door while they are about the same client. In a flood from one source, making them and their arrays
// took an eighth of a packet's time (bench/flood.ts, "whole sequences").

import type { DoorRef, KnockEvent } from "../events/knock-event.ts";
import type { Address } from "../net/address.ts";

type Stage = Extract<KnockEvent, { type: "stage" }>;

export class EventCache {
  readonly #door: DoorRef;
  /** For each stage, the last event that came without an opening. */
  readonly #stages: (readonly [Stage])[] = [];
  /** The last stage that came with an opening. */
  #opening: readonly [Stage, KnockEvent] | undefined;

  constructor(door: DoorRef) {
    this.#door = door;
  }

  /** The event that `stage` is reached. An equal address in another object counts as another client. */
  stage(knocker: Address, stage: number): readonly KnockEvent[] {
    const last = this.#stages[stage];
    if (last !== undefined && last[0].knocker === knocker) return last;
    const events = [{ type: "stage", door: this.#door, knocker, stage }] as const;
    this.#stages[stage] = events;
    return events;
  }

  /** The events that the last stage is reached and that the door opens. */
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
