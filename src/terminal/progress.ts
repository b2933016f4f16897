// A progress bar on standard error, on a terminal only.

const WIDTH = 30;
/** Shorter work needs no bar. */
const FIRST_MS = 500;
const EACH_MS = 100;

export type Terminal = Pick<NodeJS.WritableStream, "write"> & { readonly isTTY?: boolean };

export class Progress {
  readonly #stream: Terminal;
  readonly #now: () => number;
  readonly #isShown: boolean;
  #nextAt: number;
  #drawn = false;

  /** `now` in milliseconds. */
  constructor(stream: Terminal = process.stderr, now = () => performance.now()) {
    this.#stream = stream;
    this.#now = now;
    this.#isShown = stream.isTTY === true;
    this.#nextAt = now() + FIRST_MS;
  }

  /** Cheap: called often. */
  get isDue(): boolean {
    return this.#isShown && this.#now() >= this.#nextAt;
  }

  /** `part` from 0 to 1; undefined if the total is unknown. */
  draw(part: number | undefined, words: string): void {
    this.#stream.write(`\r${part === undefined ? "" : bar(Math.min(1, part))}${words}\x1b[K`);
    this.#drawn = true;
    this.#nextAt = this.#now() + EACH_MS;
  }

  /** Removes the bar, to make room for other output. */
  clear(): void {
    if (this.#drawn) this.#stream.write("\r\x1b[K");
    this.#drawn = false;
  }
}

function bar(part: number): string {
  const full = Math.round(WIDTH * part);
  return `[${"#".repeat(full)}${" ".repeat(WIDTH - full)}] ${`${Math.floor(100 * part)}`.padStart(3)} % `;
}
