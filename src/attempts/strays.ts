// The ports that a source in the middle of a sequence touches and that are no knocks: a port scan comes by all ports, and
// so by the right ones in the right order. An honest knocker touches none, or a few.

/** Sources that are counted at once; a newcomer takes the place of whoever was there: nothing grows under a siege. */
const PLACES = 4096;
/** Ports remembered of one source, those touched last: Max_Strays can't ask for more. */
export const MOST_STRAYS = 64;

export class Strays {
  readonly #sources = new Uint32Array(PLACES);
  readonly #counts = new Uint8Array(PLACES);
  readonly #ports = new Uint16Array(PLACES * MOST_STRAYS);
  /** When each was touched last. */
  readonly #times = new Float64Array(PLACES * MOST_STRAYS);

  /** `sourceHash` is keyed: nobody can aim at a place. `now` in milliseconds. */
  touch(sourceHash: number, port: number, now: number): void {
    const place = (sourceHash >>> 0) % PLACES;
    if (this.#sources[place] !== sourceHash >>> 0) {
      this.#sources[place] = sourceHash;
      this.#counts[place] = 0;
    }
    const first = place * MOST_STRAYS;
    const end = first + this.#counts[place]!;
    let at = first;
    let oldest = first;
    for (; at < end && this.#ports[at] !== port; at++) if (this.#times[at]! < this.#times[oldest]!) oldest = at;
    if (at === first + MOST_STRAYS) at = oldest;
    else if (at === end) this.#counts[place]!++;
    this.#ports[at] = port;
    this.#times[at] = now;
  }

  /** How many different ports this source has touched since then, the last 64 of them. */
  count(sourceHash: number, since: number): number {
    const place = (sourceHash >>> 0) % PLACES;
    if (this.#sources[place] !== sourceHash >>> 0) return 0;
    const first = place * MOST_STRAYS;
    const end = first + this.#counts[place]!;
    let count = 0;
    for (let at = first; at < end; at++) if (this.#times[at]! >= since) count++;
    return count;
  }
}
