// The ports on which attempts at codes have knocked (code-attempts.ts): one per block, as its place in the block.

/** The layout: ten bits for the place in each of five blocks, a bit for each filled block, and the number of the last. */
const [PLACE_BITS, PLACE_MASK, FILLED_SHIFT, LAST_SHIFT] = [10, 0x3ff, 20, 25] as const;

/** The guessed ports of a pool of attempts, by the attempt's number. */
export class GuessedPorts {
  /**
   * Two words per attempt: three places in the first, two places and all else in the second. Empty before the first
   * attempt at a code (attempt-pool.ts says why).
   */
  #words = new Int32Array(0);
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** For the pool, which gives their memory back. */
  get buffers(): ArrayBuffer[] {
    return [this.#words.buffer as ArrayBuffer];
  }

  /** A new attempt at a code, which has no port yet. */
  begin(attempt: number): void {
    if (this.#words.length === 0) this.#words = new Int32Array(2 * this.#capacity);
    this.#words[2 * attempt] = 0;
    this.#words[2 * attempt + 1] = 0;
  }

  /** The place of the port in this block. -1 if the block is empty. */
  place(attempt: number, block: number): number {
    if ((this.#words[2 * attempt + 1]! & (1 << (FILLED_SHIFT + block))) === 0) return -1;
    return (this.#words[wordOf(attempt, block)]! >>> shiftOf(block)) & PLACE_MASK;
  }

  /** Sets the place in a block, and makes this the last block. */
  setPlace(attempt: number, block: number, place: number): void {
    const word = wordOf(attempt, block);
    const shift = shiftOf(block);
    this.#words[word] = (this.#words[word]! & ~(PLACE_MASK << shift)) | (place << shift);
    const flags = 2 * attempt + 1;
    const others = this.#words[flags]! & ~(7 << LAST_SHIFT);
    this.#words[flags] = others | (1 << (FILLED_SHIFT + block)) | (block << LAST_SHIFT);
  }

  /** The block of the last knock. */
  lastBlock(attempt: number): number {
    return (this.#words[2 * attempt + 1]! >>> LAST_SHIFT) & 7;
  }
}

/** Three places are in the first word, two in the second. */
function wordOf(attempt: number, block: number): number {
  return 2 * attempt + (block < 3 ? 0 : 1);
}

function shiftOf(block: number): number {
  return PLACE_BITS * (block < 3 ? block : block - 3);
}
