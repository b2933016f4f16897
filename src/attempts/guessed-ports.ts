// The ports that attempts at codes have knocked on (code-attempts.ts): one in each block, by its place there.

/** Ten bits for the place in each of five blocks, which blocks are filled, and the last one. */
const [PLACE_BITS, PLACE_MASK, FILLED_SHIFT, LAST_SHIFT] = [10, 0x3ff, 20, 25] as const;

/** Those of a pool of attempts, by the attempt's number. */
export class GuessedPorts {
  /** Two words of each attempt: three places in the first, two and the rest in the other. */
  readonly #words: Int32Array;

  constructor(capacity: number) {
    this.#words = new Int32Array(2 * capacity);
  }

  /** For the pool, which gives their memory back. */
  get buffers(): ArrayBuffer[] {
    return [this.#words.buffer as ArrayBuffer];
  }

  /** A new attempt at a code, which has no port yet. */
  begin(attempt: number): void {
    this.#words[2 * attempt] = 0;
    this.#words[2 * attempt + 1] = 0;
  }

  /** Which port of the block was knocked on; -1: none. */
  place(attempt: number, block: number): number {
    if ((this.#words[2 * attempt + 1]! & (1 << (FILLED_SHIFT + block))) === 0) return -1;
    return (this.#words[wordOf(attempt, block)]! >>> shiftOf(block)) & PLACE_MASK;
  }

  /** The port of the block that was knocked on last. */
  setPlace(attempt: number, block: number, place: number): void {
    const word = wordOf(attempt, block);
    const shift = shiftOf(block);
    this.#words[word] = (this.#words[word]! & ~(PLACE_MASK << shift)) | (place << shift);
    const flags = 2 * attempt + 1;
    const others = this.#words[flags]! & ~(7 << LAST_SHIFT);
    this.#words[flags] = others | (1 << (FILLED_SHIFT + block)) | (block << LAST_SHIFT);
  }

  /** The block that was knocked on last. */
  lastBlock(attempt: number): number {
    return (this.#words[2 * attempt + 1]! >>> LAST_SHIFT) & 7;
  }
}

/** Three places are in the first word, two in the other. */
function wordOf(attempt: number, block: number): number {
  return 2 * attempt + (block < 3 ? 0 : 1);
}

function shiftOf(block: number): number {
  return PLACE_BITS * (block < 3 ? block : block - 3);
}
