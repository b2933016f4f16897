// The verdicts on sources that made more than a first knock. Each source has its own entries, so a flood from unknown
// sources overwrites none of them. Four sources share a bucket, found by a keyed hash. A fifth replaces the one that
// was idle longest.

import { type Address, sameAddress } from "../net/address.ts";
import { type VerdictRecord, VerdictRecords } from "./verdict-records.ts";

const [BUCKETS, IN_A_BUCKET] = [128, 4] as const;
const PLACES = BUCKETS * IN_A_BUCKET;
/** Entries per source: room for 32 packets, some of which have verdicts for two doors. 576 KiB in total. */
const ENTRIES = 48;

export class KnownSources {
  readonly #hashes = new Int32Array(PLACES);
  readonly #sources: (Address | undefined)[] = new Array(PLACES).fill(undefined);
  /** The number of entries ever written to each place. 0: the place is free. */
  readonly #written = new Int32Array(PLACES);
  readonly #entries = new VerdictRecords(PLACES * ENTRIES);

  /** The source's place; -1 if it is unknown. */
  find(hash: number): number {
    const first = (hash & (BUCKETS - 1)) * IN_A_BUCKET;
    for (let place = first; place < first + IN_A_BUCKET; place++) {
      if (this.#hashes[place] === hash && this.#written[place] !== 0) return place;
    }
    return -1;
  }

  /** Makes room for a new source. The place counts as taken from its first entry on. */
  allocate(hash: number, source: Address): number {
    const first = (hash & (BUCKETS - 1)) * IN_A_BUCKET;
    let best = first;
    for (let place = first + 1; place < first + IN_A_BUCKET; place++) {
      if (this.#lastAt(place) < this.#lastAt(best)) best = place;
    }
    this.#hashes[best] = hash;
    this.#sources[best] = source;
    this.#written[best] = 0;
    return best;
  }

  // biome-ignore lint/complexity/useMaxParams: numbers for typed arrays, of every packet of a flood
  write(place: number, what: number, knock: number, now: number, detail: number): void {
    const written = this.#written[place]!;
    if (written > 0) {
      const last = this.#entryAt(place, written - 1);
      if (this.#entries.what(last) === what && this.#entries.knock(last) === knock) {
        this.#entries.repeat(last, now, detail);
        return;
      }
    }
    this.#entries.write(this.#entryAt(place, written), what, knock, now, detail);
    this.#written[place] = written < 1 << 30 ? written + 1 : ENTRIES + ((written + 1) % ENTRIES);
  }

  /** Oldest first. */
  of(source: Address): VerdictRecord[] {
    const place = this.#sources.findIndex((one) => one !== undefined && sameAddress(one, source));
    if (place < 0) return [];
    const written = this.#written[place]!;
    const count = Math.min(written, ENTRIES);
    return Array.from({ length: count }, (_, i) => this.#entries.read(this.#entryAt(place, written - count + i)));
  }

  /** The source of the newest entry. */
  last(): { source: Address; at: number } | undefined {
    let best = 0;
    for (let place = 1; place < PLACES; place++) if (this.#lastAt(place) > this.#lastAt(best)) best = place;
    const source = this.#sources[best];
    return source && { source, at: this.#lastAt(best) };
  }

  #lastAt(place: number): number {
    const written = this.#written[place]!;
    return written === 0 ? Number.NEGATIVE_INFINITY : this.#entries.at(this.#entryAt(place, written - 1));
  }

  #entryAt(place: number, number: number): number {
    return place * ENTRIES + (number % ENTRIES);
  }
}
