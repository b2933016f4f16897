// What has happened since the start, in numbers: what happens often costs a number, and no line.

import type { KnockEvent } from "../events/knock-event.ts";

export class Counters {
  stages = 0;
  opens = 0;
  timeouts = 0;
  scans = 0;
  /** With a status that is not 0, or they could not be started. */
  commandsFailed = 0;

  event({ type }: KnockEvent): void {
    if (type === "stage") this.stages++;
    else if (type === "timeout") this.timeouts++;
    else if (type === "open") this.opens++;
    else this.scans++;
  }
}
