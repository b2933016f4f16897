// Keeps the last warnings and errors for `knockctl status`.

const MAX_LINES = 20;
/** The commands in them may be long. */
const LONGEST_LINE = 500;

export interface RecentLine {
  readonly time: Date;
  readonly line: string;
}

export class RecentWarnings {
  readonly #lines: RecentLine[] = [];

  add(line: string): void {
    if (this.#lines.length === MAX_LINES) this.#lines.shift();
    this.#lines.push({ time: new Date(), line: line.slice(0, LONGEST_LINE) });
  }

  /** The oldest first. */
  get lines(): readonly RecentLine[] {
    return this.#lines;
  }
}
