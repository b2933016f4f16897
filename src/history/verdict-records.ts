// Entries of the packet history: 24 bytes each in one block of memory, because a flood writes a million of them per
// second.

export interface VerdictRecord {
  readonly at: number;
  readonly what: number;
  readonly knock: number;
  readonly detail: number;
  readonly times: number;
}

/** An entry in words of 32 bits. Its time, a double, takes two. */
const [WORDS, WHAT, KNOCK, DETAIL, TIMES] = [6, 2, 3, 4, 5] as const;
/** A longer Ban_Time, such as years, is shown as 24 days, because it would overflow. */
const MAX_DETAIL = 0x7fff_ffff;

export class VerdictRecords {
  readonly #words: Int32Array;
  readonly #times: Float64Array;

  constructor(count: number) {
    const buffer = new ArrayBuffer(count * WORDS * 4);
    this.#words = new Int32Array(buffer);
    this.#times = new Float64Array(buffer);
  }

  // biome-ignore lint/complexity/useMaxParams: numbers for typed arrays, of every packet of a flood
  write(place: number, what: number, knock: number, at: number, detail: number): void {
    const w = place * WORDS;
    this.#times[place * (WORDS / 2)] = at;
    this.#words[w + WHAT] = what;
    this.#words[w + KNOCK] = knock;
    this.#words[w + DETAIL] = Math.min(detail, MAX_DETAIL);
    this.#words[w + TIMES] = 1;
  }

  /** The same verdict again. */
  repeat(place: number, at: number, detail: number): void {
    const w = place * WORDS;
    this.#times[place * (WORDS / 2)] = at;
    this.#words[w + DETAIL] = Math.min(detail, MAX_DETAIL);
    this.#words[w + TIMES]! += 1;
  }

  what(place: number): number {
    return this.#words[place * WORDS + WHAT]!;
  }

  knock(place: number): number {
    return this.#words[place * WORDS + KNOCK]!;
  }

  at(place: number): number {
    return this.#times[place * (WORDS / 2)]!;
  }

  read(place: number): VerdictRecord {
    const w = place * WORDS;
    const [what, knock] = [this.what(place), this.knock(place)];
    return { at: this.at(place), what, knock, detail: this.#words[w + DETAIL]!, times: this.#words[w + TIMES]! >>> 0 };
  }
}
