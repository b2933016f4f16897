// The open doors, and the lines that are still to be written into the ledger's file.

import { closedLine, LEDGER_HEAD, type LedgerEntry, openLine } from "./ledger-entry.ts";

/** Lines per piece. More would delay packets. */
const PIECE = 256;

export class LedgerLines {
  readonly head = LEDGER_HEAD;
  readonly #entries = new Map<number, LedgerEntry>();
  /** The ids of entries whose change is not written yet. */
  readonly #changed = new Set<number>();

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  get(id: number): LedgerEntry | undefined {
    return this.#entries.get(id);
  }

  has(id: number): boolean {
    return this.#entries.has(id);
  }

  ids(): number[] {
    return [...this.#entries.keys()];
  }

  set(entry: LedgerEntry): void {
    this.#entries.set(entry.id, entry);
    this.#changed.add(entry.id);
  }

  delete(id: number): void {
    this.#entries.delete(id);
    this.#changed.add(id);
  }

  /** The whole ledger as one text. After this, no change is outstanding. */
  whole(): string {
    this.#changed.clear();
    return [this.head, ...this.pieces()].join("");
  }

  /** The whole ledger in pieces. Each piece shows the state at the time when it is taken. */
  *pieces(): Generator<string, undefined> {
    let lines: string[] = [];
    for (const entry of this.#entries.values()) {
      if (lines.push(openLine(entry)) < PIECE) continue;
      yield lines.join("");
      lines = [];
    }
    if (lines.length > 0) yield lines.join("");
  }

  /** The next piece of the changes since the last call. Undefined if there are none. */
  changes(): { readonly text: string; readonly areAll: boolean } | undefined {
    if (this.#changed.size === 0) return undefined;
    let text = "";
    let left = PIECE;
    for (const id of this.#changed) {
      if (left-- === 0) break;
      this.#changed.delete(id);
      const entry = this.#entries.get(id);
      text += entry === undefined ? closedLine(id) : openLine(entry);
    }
    return { text, areAll: this.#changed.size === 0 };
  }
}
