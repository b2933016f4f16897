// How far a long work has come: a bar on standard error, in a terminal only.

const WIDTH = 30;
/** Who is done by then needs no bar. */
const FIRST_MS = 500;
const EACH_MS = 100;

type Terminal = Pick<NodeJS.WritableStream, "write"> & { readonly isTTY?: boolean };

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

  /** Is it time to look how far we are? Asked often. */
  get isDue(): boolean {
    return this.#isShown && this.#now() >= this.#nextAt;
  }

  /** From 0 to 1, and in words. */
  draw(part: number, words: string): void {
    const full = Math.round(WIDTH * Math.min(1, part));
    const percent = `${Math.floor(100 * Math.min(1, part))}`.padStart(3);
    this.#stream.write(`\r[${"#".repeat(full)}${" ".repeat(WIDTH - full)}] ${percent} % ${words}\x1b[K`);
    this.#drawn = true;
    this.#nextAt = this.#now() + EACH_MS;
  }

  /** Makes room for a line, or for the end. */
  clear(): void {
    if (this.#drawn) this.#stream.write("\r\x1b[K");
    this.#drawn = false;
  }
}
