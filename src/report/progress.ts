// How far it is, on a terminal's last line. Nothing where standard error is no terminal.

const WIDTH = 24;
const PAUSE_MS = 100;

export interface Terminal {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export class Progress {
  readonly #terminal: Terminal;
  readonly #total: number;
  readonly #now: () => number;
  #shownAt = Number.NEGATIVE_INFINITY;
  #isShown = false;

  /** `total` bytes; 0 when nobody knows. `now` in milliseconds. */
  constructor(terminal: Terminal, total: number, now: () => number) {
    this.#terminal = terminal;
    this.#total = total;
    this.#now = now;
  }

  at(bytes: number, lines: number): void {
    if (!this.#terminal.isTTY || this.#now() - this.#shownAt < PAUSE_MS) return;
    this.#shownAt = this.#now();
    this.#isShown = true;
    const part = Math.min(1, bytes / this.#total);
    const full = Math.round(part * WIDTH);
    const bar = `[${"#".repeat(full)}${" ".repeat(WIDTH - full)}] ${Math.floor(part * 100)} %, `;
    this.#terminal.write(`\r\x1b[K${this.#total > 0 ? bar : ""}${lines} lines`);
  }

  /** The line is gone, for what comes next. */
  end(): void {
    if (this.#isShown) this.#terminal.write("\r\x1b[K");
    this.#isShown = false;
  }
}
