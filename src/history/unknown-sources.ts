// The verdicts on sources that made only first knocks or random packets, in one ring buffer: the newest overwrites the
// oldest. A flood of forged sources overwrites only these, not the verdicts on known sources.

import { VERDICT } from "../events/observer.ts";
import type { Address } from "../net/address.ts";
import { isKind } from "./verdict.ts";
import { type VerdictRecord, VerdictRecords } from "./verdict-records.ts";

/** 320 KiB, including the addresses. */
const PLACES = 8192;

export class UnknownSources {
  readonly #entries = new VerdictRecords(PLACES);
  /** The address of each entry. */
  readonly #sources = new Int32Array(4 * PLACES);
  /** Entries written in total. */
  #written = 0;

  // biome-ignore lint/complexity/useMaxParams: numbers for typed arrays, of every packet of a flood
  write(source: Address, what: number, knock: number, now: number, detail: number): void {
    const last = (this.#written - 1) & (PLACES - 1);
    if (this.#written > 0 && this.#entries.what(last) === what && this.#isOf(last, source)) {
      // The other ports of a scanner make no difference.
      if (this.#entries.knock(last) === knock || isKind(what, VERDICT.other)) {
        this.#entries.repeat(last, now, detail);
        return;
      }
    }
    const place = this.#written++ & (PLACES - 1);
    this.#entries.write(place, what, knock, now, detail);
    this.#sources[4 * place] = source.w0;
    this.#sources[4 * place + 1] = source.w1;
    this.#sources[4 * place + 2] = source.w2;
    this.#sources[4 * place + 3] = source.w3;
  }

  /** Oldest first. */
  of(source: Address): VerdictRecord[] {
    return this.#places()
      .filter((place) => this.#isOf(place, source))
      .map((place) => this.#entries.read(place));
  }

  /** The newest entry that is a knock of some door. */
  last(): { source: Address; at: number } | undefined {
    const place = this.#places()
      .reverse()
      .find((one) => !isKind(this.#entries.what(one), VERDICT.other));
    return place === undefined ? undefined : { source: this.#source(place), at: this.#entries.at(place) };
  }

  #places(): number[] {
    const first = Math.max(0, this.#written - PLACES);
    return Array.from({ length: this.#written - first }, (_, i) => (first + i) & (PLACES - 1));
  }

  #source(place: number): Address {
    const [w0, w1, w2, w3] = this.#sources.subarray(4 * place);
    return { w0: w0!, w1: w1!, w2: w2!, w3: w3! };
  }

  #isOf(place: number, source: Address): boolean {
    const words = this.#sources;
    if (words[4 * place + 3] !== source.w3 || words[4 * place + 2] !== source.w2) return false;
    return words[4 * place + 1] === source.w1 && words[4 * place] === source.w0;
  }
}
