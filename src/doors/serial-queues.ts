// Work that is done one after the other for each key. A door's start and stop commands for one client never overlap: a
// stop command that overtook its start command would leave the door open for ever.

export type QueueKey = string | symbol;

export class SerialQueues {
  /** The last of what runs or is to run. */
  readonly #last = new Map<QueueKey, Promise<unknown>>();
  /** Keys whose work takes long: nobody waits for it at the end. */
  readonly #long = new Set<QueueKey>();

  /** Does `work` after all that is to be done for this key; at once when that is nothing. */
  enqueue(key: QueueKey, work: () => Promise<unknown>): void {
    const before = this.#last.get(key);
    const done = (before === undefined ? work() : before.then(work)).finally(() => {
      if (this.#last.get(key) === done) this.#last.delete(key);
    });
    this.#last.set(key, done);
  }

  /** What runs for this key takes long, or has ended. */
  setLong(key: QueueKey, isLong: boolean): void {
    if (isLong) this.#long.add(key);
    else this.#long.delete(key);
  }

  /** Resolves when nothing is left to be done but what takes long. */
  async drain(): Promise<void> {
    const left = () => [...this.#last].filter(([key]) => !this.#long.has(key));
    for (let some = left(); some.length > 0; some = left()) await Promise.all(some.map(([, work]) => work));
  }
}
