// Counts events since the start, for `knockctl status` and metrics.

import type { CodeDecision } from "../events/code-decision.ts";
import type { KnockEvent } from "../events/knock-event.ts";

export interface CodeCount {
  readonly door: string;
  readonly client: string;
  readonly result: CodeDecision["result"];
  count: number;
}

export class Counters {
  stages = 0;
  opens = 0;
  timeouts = 0;
  scans = 0;
  /** Commands that have ended with a status other than 0, or could not be started. */
  commandsFailed = 0;
  /** Openings by the door's name, including those by hand. */
  readonly openings = new Map<string, { count: number }>();
  // The door that opened last, and its count: in a flood, it is nearly always the same one.
  #lastDoor: string | undefined;
  #last = { count: 0 };

  /** The codes of each door and client, counted by the decision. */
  readonly codes = new Map<string, CodeCount>();

  event(event: KnockEvent): void {
    if (event.type === "stage") this.stages++;
    else if (event.type === "timeout") this.timeouts++;
    else if (event.type === "code") this.#code(event.door.name, event.decision);
    else if (event.type === "scan") this.scans++;
    else {
      this.opens++;
      this.opened(event.door.name);
    }
  }

  opened(door: string): void {
    if (door !== this.#lastDoor) {
      this.#last = this.openings.get(door) ?? { count: 0 };
      this.openings.set(door, this.#last);
      this.#lastDoor = door;
    }
    this.#last.count++;
  }

  #code(door: string, { client, result }: CodeDecision): void {
    const key = JSON.stringify([door, client, result]);
    const count = this.codes.get(key);
    if (count === undefined) this.codes.set(key, { door, client, result, count: 1 });
    else count.count++;
  }
}
