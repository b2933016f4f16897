// Keeps track of used one-time sequences during a replay, in memory: the files stay as they are.

import { goneMeanwhile, type OneTimeFiles, unusedSequences } from "./one-time-file.ts";
import { formatSequence, type Sequence } from "./sequence.ts";

export class UnusedSequences implements OneTimeFiles {
  readonly #unused = new Map<string, Sequence[]>();

  nextOneTime(path: string, warn: (why: string) => void): Sequence | undefined {
    return this.#of(path, warn)[0];
  }

  strikeOut(path: string, used: Sequence): void {
    const unused = this.#of(path, () => {});
    const text = formatSequence(used);
    const at = unused.findIndex((one) => formatSequence(one) === text);
    if (at < 0) throw goneMeanwhile(path);
    unused.splice(at, 1);
  }

  #of(path: string, warn: (why: string) => void): Sequence[] {
    const unused = this.#unused.get(path) ?? unusedSequences(path, warn);
    this.#unused.set(path, unused);
    return unused;
  }
}
