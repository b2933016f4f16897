// When the supervisor compares its captures with the interfaces: soon after a change, a second after a failure, and each minute.

/** Changes come in bursts. This long after the first one, all are handled together. */
const SETTLE_MS = 20;
/** How often to try again to open an interface, and how often to check everything. */
const [RETRY_MS, CHECK_MS] = [1000, 60_000] as const;

export class CheckSchedule {
  readonly #reconcile: () => void;
  #isClosed = false;
  #settling: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #check: NodeJS.Timeout | undefined;

  /** `reconcile` is called once for each burst of changes. */
  constructor(reconcile: () => void) {
    this.#reconcile = reconcile;
  }

  /** Calls `check` each minute from now on. */
  start(check: () => void): void {
    this.#check = setInterval(check, CHECK_MS);
  }

  /** Something has changed. Does nothing after `close`. */
  onChange(): void {
    if (this.#isClosed) return;
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined;
      this.#reconcile();
    }, SETTLE_MS);
  }

  /** An interface could not be opened, or the interfaces could not be read. */
  tryLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.onChange(), RETRY_MS);
  }

  /** Nothing is called after this. May be called repeatedly. */
  close(): void {
    this.#isClosed = true;
    for (const timer of [this.#settling, this.#retry, this.#check]) clearTimeout(timer);
  }
}
