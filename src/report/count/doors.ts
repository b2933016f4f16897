// Counts knocks by door, from knockd's own log lines.

import { plural } from "../../terminal/plural.ts";
import type { KnockLine } from "../read/knock-line.ts";
import type { DoorRow } from "../report.ts";

/** No config has more doors. A garbled log may seem to. */
const MAX = 1000;

export class Doors {
  readonly #doors = new Map<string, { -readonly [K in keyof DoorRow]: DoorRow[K] }>();
  /** Knocks of a flood, for which knockd logged only their number. */
  #heldBack = 0;
  #notKept = 0;

  add({ door, what, heldBack }: KnockLine): void {
    if (heldBack > 0) {
      this.#heldBack += heldBack;
      return;
    }
    let row = this.#doors.get(door);
    if (row === undefined) {
      if (this.#doors.size >= MAX) {
        this.#notKept++;
        return;
      }
      row = { door, begun: 0, opened: 0, failed: 0 };
      this.#doors.set(door, row);
    }
    row[what]++;
  }

  rows(): DoorRow[] {
    return [...this.#doors.values()].sort((a, b) => b.begun - a.begun || (a.door < b.door ? -1 : 1));
  }

  leftOut(): string[] {
    const sentences: string[] = [];
    if (this.#heldBack > 0)
      sentences.push(
        `knockd did not log ${plural(this.#heldBack, "line")} about knocks that began or failed: the counts of the doors lack them.`,
      );
    if (this.#notKept > 0)
      sentences.push(`${plural(this.#notKept, "line")} named doors beyond the ${MAX} that are counted.`);
    return sentences;
  }
}
