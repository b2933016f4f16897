// Runs one reload at a time, and at most one per turn of the event loop: a storm of signals must not delay knocks.

import { setImmediate as nextTurn } from "node:timers/promises";

export class Reloads {
  readonly #reload: () => Promise<void>;
  #last: Promise<void> = Promise.resolve();
  #isWaiting = false;

  constructor(reload: () => Promise<void>) {
    this.#reload = reload;
  }

  /** Resolves or rejects with a reload that begins after this call. All calls before it begins share that reload. */
  request(): Promise<void> {
    if (this.#isWaiting) return this.#last;
    this.#isWaiting = true;
    this.#last = this.#last.then(async () => {
      await nextTurn();
      this.#isWaiting = false;
      await this.#reload();
    });
    return this.#last;
  }
}
