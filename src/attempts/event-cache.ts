// The events of one door, made once for as long as they come about for the same knocker: in a flood from one source
// making them, and the arrays around them, was an eighth of what a packet cost (bench/flood.ts, "whole sequences").

import type { Door } from "../config/door.ts";
import type { KnockEvent } from "../events/knock-event.ts";
import type { Address } from "../net/address.ts";

type Stage = Extract<KnockEvent, { type: "stage" }>;

export class EventCache {
  /** By stage, the last one told alone. */
  readonly #stages: (readonly [Stage])[] = [];
  /** The last one told with its opening. */
  #opening: readonly [Stage, KnockEvent] | undefined;

  /** `stage` is reached. Who is not the same object is taken for another knocker. */
  stage(door: Door, knocker: Address, stage: number): readonly KnockEvent[] {
    const last = this.#stages[stage];
    if (last !== undefined && last[0].knocker === knocker && last[0].door === door) return last;
    const events = [{ type: "stage", door, knocker, stage }] as const;
    this.#stages[stage] = events;
    return events;
  }

  /** The last stage is reached, and the door opens. */
  opening(door: Door, knocker: Address, stage: number): readonly KnockEvent[] {
    const last = this.#opening;
    if (last !== undefined && last[0].knocker === knocker && last[0].door === door) return last;
    const events = [
      { type: "stage", door, knocker, stage },
      { type: "open", door, knocker },
    ] as const;
    this.#opening = events;
    return events;
  }
}
