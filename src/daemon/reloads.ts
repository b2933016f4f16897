// Runs one reload at a time, and at most one per turn of the event loop: a storm of signals must not delay knocks.

import { setImmediate as nextTurn } from "node:timers/promises";

export class Reloads<Outcome> {
  readonly #reload: () => Promise<Outcome>;
  #last: Promise<unknown> = Promise.resolve();
  #waiting: Promise<Outcome> | undefined;

  constructor(reload: () => Promise<Outcome>) {
    this.#reload = reload;
  }

  /** Resolves or rejects with a reload that begins after this call. All calls before it begins share that reload. */
  request(): Promise<Outcome> {
    this.#waiting ??= this.#next();
    return this.#waiting;
  }

  #next(): Promise<Outcome> {
    const next = this.#last.then(async () => {
      await nextTurn();
      this.#waiting = undefined;
      return this.#reload();
    });
    this.#last = next;
    return next;
  }
}
