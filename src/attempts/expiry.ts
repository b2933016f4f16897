// When attempts end by themselves. All attempts of one seq_timeout expire in the order in which they began, so each
// timeout has a queue and only its head is ever looked at: expiry never sweeps.
// Each has two, both in order of beginning, so that room can be made without a search: `fresh`, into which every
// attempt comes, and `kept`, for those that making room has met and spared because they are past the first stage.

import { type AttemptPool, NONE, type Queue } from "./attempt-pool.ts";

/** setTimeout's longest, some 24 days. */
const LONGEST_MS = 0x7fff_ffff;

export interface TimeoutQueue {
  readonly milliseconds: number;
  readonly fresh: Queue;
  readonly kept: Queue;
}

export class Expiry {
  readonly #pool: AttemptPool;
  readonly #terms = new Map<number, TimeoutQueue>();
  #deadline = Number.POSITIVE_INFINITY;

  constructor(pool: AttemptPool) {
    this.#pool = pool;
  }

  /** No attempt expires before this time (milliseconds); Infinity when there is none. May be too early, never too late. */
  get deadline(): number {
    return this.#deadline;
  }

  /** The queues of a timeout in seconds. */
  queueFor(seconds: number): TimeoutQueue {
    const milliseconds = Math.min(seconds * 1000, LONGEST_MS);
    let term = this.#terms.get(milliseconds);
    if (term === undefined) {
      term = { milliseconds, fresh: { head: NONE, tail: NONE }, kept: { head: NONE, tail: NONE } };
      this.#terms.set(milliseconds, term);
    }
    return term;
  }

  /** Forgets the timeouts that `used` does not hold and that no attempt waits for. */
  prune(used: ReadonlySet<TimeoutQueue>): void {
    for (const [milliseconds, term] of this.#terms) {
      if (!used.has(term) && term.fresh.head === NONE && term.kept.head === NONE) this.#terms.delete(milliseconds);
    }
  }

  /** The queue that a slot is in. */
  queue(slot: number, term: TimeoutQueue): Queue {
    return this.#pool.isSpared(slot) ? term.kept : term.fresh;
  }

  /** An attempt has begun. */
  begun(term: TimeoutQueue, now: number): void {
    this.#deadline = Math.min(this.#deadline, now + term.milliseconds);
  }

  expired(slot: number, term: TimeoutQueue, now: number): boolean {
    return this.#pool.age(slot, now) >= term.milliseconds;
  }

  /** Calls `end`, which must remove it, for each slot whose time has come, at most `most` times. */
  drain(now: number, most: number, end: (slot: number) => void): void {
    let left = most;
    let deadline = Number.POSITIVE_INFINITY;
    for (const term of this.#terms.values()) {
      for (const queue of [term.fresh, term.kept]) {
        for (; left > 0 && queue.head !== NONE && this.expired(queue.head, term, now); left--) end(queue.head);
        if (queue.head === NONE) continue;
        deadline = Math.min(deadline, now + term.milliseconds - this.#pool.age(queue.head, now));
      }
    }
    this.#deadline = deadline;
  }

  /**
   * The slot to give up when all are taken: the oldest that is still in its first stage, or else the oldest of all.
   * An attempt past the first stage is met here once at most, and then kept apart: the cost does not grow.
   */
  evictionCandidate(now: number): number {
    for (const term of this.#terms.values()) {
      for (let head = term.fresh.head; head !== NONE && this.#pool.stage(head) > 1; head = term.fresh.head) {
        this.#pool.dequeue(head, term.fresh);
        this.#pool.spare(head);
        this.#pool.enqueue(head, term.kept);
      }
    }
    const fresh = this.#oldest((term) => term.fresh.head, now);
    return fresh !== NONE ? fresh : this.#oldest((term) => term.kept.head, now);
  }

  #oldest(head: (term: TimeoutQueue) => number, now: number): number {
    let oldest = NONE;
    for (const term of this.#terms.values()) {
      const slot = head(term);
      if (slot !== NONE && (oldest === NONE || this.#pool.age(slot, now) > this.#pool.age(oldest, now))) oldest = slot;
    }
    return oldest;
  }
}
