// Decides when attempts time out. All attempts of one seq_timeout expire in the order in which they began. So each timeout has
// queues in this order, and only their heads are checked: expiry never sweeps.
// Each timeout has two queues, so that a victim is found without a search when the pool is full: `fresh`, where every attempt
// begins, and `kept`, for attempts that were at the head but spared because they are past the first stage.

import { type AttemptPool, NONE, type Queue } from "./attempt-pool.ts";

/** The longest time of setTimeout, about 24 days. */
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

  /** No attempt expires before this time (milliseconds). Infinity without an attempt. May be too early, never too late. */
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

  /** Forgets the timeouts that are not in `used` and have no attempt. */
  prune(used: ReadonlySet<TimeoutQueue>): void {
    for (const [milliseconds, term] of this.#terms) {
      if (!used.has(term) && term.fresh.head === NONE && term.kept.head === NONE) this.#terms.delete(milliseconds);
    }
  }

  /** The queue that a slot is in. */
  queue(slot: number, term: TimeoutQueue): Queue {
    return this.#pool.isSpared(slot) ? term.kept : term.fresh;
  }

  /** Updates the deadline: an attempt has begun. */
  begun(term: TimeoutQueue, now: number): void {
    this.#deadline = Math.min(this.#deadline, now + term.milliseconds);
  }

  expired(slot: number, term: TimeoutQueue, now: number): boolean {
    return this.#pool.age(slot, now) >= term.milliseconds;
  }

  /** Calls `end` for each slot that has timed out, at most `most` times. `end` must remove the slot. */
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
   * The slot to give up when all are taken: the oldest attempt in its first stage, or otherwise the oldest of all. An attempt
   * past the first stage is met here at most once, and then goes into the other queue. So the cost does not grow.
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
