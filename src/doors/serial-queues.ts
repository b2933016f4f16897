// Runs the work of each key one after the other. So the start and stop commands of a door for one client never overlap: a
// stop command that overtook its start command would leave the door open forever.

export type QueueKey = string | symbol;

export class SerialQueues {
  /** The last work of each key. */
  readonly #last = new Map<QueueKey, Promise<unknown>>();
  /** Keys whose work takes long: `drain` does not wait for it. */
  readonly #long = new Set<QueueKey>();

  /** Does `work` after all earlier work of this key, or at once if there is none. */
  enqueue(key: QueueKey, work: () => Promise<unknown>): void {
    const before = this.#last.get(key);
    const done = (before === undefined ? work() : before.then(work)).finally(() => {
      if (this.#last.get(key) === done) this.#last.delete(key);
    });
    this.#last.set(key, done);
  }

  /** Marks that the work of this key takes long, or no longer does. */
  setLong(key: QueueKey, isLong: boolean): void {
    if (isLong) this.#long.add(key);
    else this.#long.delete(key);
  }

  /** Resolves when only work that takes long is left. */
  async drain(): Promise<void> {
    const left = () => [...this.#last].filter(([key]) => !this.#long.has(key));
    for (let some = left(); some.length > 0; some = left()) await Promise.all(some.map(([, work]) => work));
  }
}
