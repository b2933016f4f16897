// The ports that a source in the middle of a sequence touches and that are no knocks: a port scan comes by all ports, and
// so by the right ones in the right order. An honest knocker touches none, or a few.

/** Sources that are counted at once; a newcomer takes the place of whoever was there: nothing grows under a siege. */
const PLACES = 4096;
/** Different ports of one source: more than Max_Strays can ask for are not counted. */
export const MOST_STRAYS = 64;

export class Strays {
  readonly #sources = new Uint32Array(PLACES);
  readonly #begun = new Float64Array(PLACES);
  readonly #counts = new Uint8Array(PLACES);
  readonly #ports = new Uint16Array(PLACES * MOST_STRAYS);

  /**
   * How many different ports this source has touched, this one included, since its attempt began, `since` (milliseconds).
   * `sourceHash` is keyed: nobody can aim at a place.
   */
  touch(sourceHash: number, port: number, since: number): number {
    const place = (sourceHash >>> 0) % PLACES;
    if (this.#sources[place] !== sourceHash >>> 0 || this.#begun[place]! !== since) {
      this.#sources[place] = sourceHash;
      this.#begun[place] = since;
      this.#counts[place] = 0;
    }
    const count = this.#counts[place]!;
    const first = place * MOST_STRAYS;
    for (let i = 0; i < count; i++) if (this.#ports[first + i] === port) return count;
    if (count === MOST_STRAYS) return count;
    this.#ports[first + count] = port;
    this.#counts[place] = count + 1;
    return count + 1;
  }
}
