// The time of a packet as `tcpdump -tttt` writes it, `2016-07-06 19:46:03.250000`, so that you find the packet there.

import { localTime } from "./format.ts";

export class Stamp {
  #second = Number.NaN;
  #text = "";

  /** `time` in seconds since 1970. */
  of(time: number): string {
    const micros = Math.round(time * 1e6);
    const second = Math.floor(micros / 1e6);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = localTime(new Date(1000 * second));
    }
    return `${this.#text}.${String(micros - 1e6 * second).padStart(6, "0")}`;
  }
}
