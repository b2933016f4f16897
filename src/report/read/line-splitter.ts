// Splits the chunks of a log into lines, with one character for each byte.

/** No line of the kernel or of knockd is longer. Longer lines are skipped. */
const MAX_BYTES = 16_384;

export class Lines {
  /** The number of lines that were longer. */
  tooLong = 0;
  readonly #tell: (line: string) => void;
  #rest = "";
  #isTooLong = false;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  write(chunk: Buffer): void {
    const text = chunk.toString("latin1");
    let at = text.indexOf("\n") + 1;
    if (at === 0) {
      this.#keep(text);
      return;
    }
    this.#line(this.#rest + text.slice(0, at - 1));
    for (let end = text.indexOf("\n", at); end >= 0; end = text.indexOf("\n", at)) {
      this.#line(text.slice(at, end));
      at = end + 1;
    }
    this.#rest = "";
    this.#keep(text.slice(at));
  }

  /** The last line may lack a line feed. */
  end(): void {
    if (this.#rest !== "" || this.#isTooLong) this.#line(this.#rest);
    this.#rest = "";
  }

  #line(line: string): void {
    if (this.#isTooLong || line.length > MAX_BYTES) this.tooLong++;
    else if (line !== "") this.#tell(line);
    this.#isTooLong = false;
  }

  #keep(text: string): void {
    if (this.#isTooLong) return;
    this.#rest += text;
    if (this.#rest.length <= MAX_BYTES) return;
    this.#isTooLong = true;
    this.#rest = "";
  }
}
