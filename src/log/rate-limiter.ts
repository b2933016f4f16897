// How much is told of a siege: forged first knocks cost nothing, and must not fill the disk. Pure: time is an argument.
// Whoever opens a door loses no line: his Stage 1, if it was held back, is told before his Stage 2.

import type { DoorRef, KnockEvent } from "../events/knock-event.ts";
import { type Address, sameAddress } from "../net/address.ts";

/** Lines of a kind in a second. */
const MOST_LINES = 100;
const SECOND_MS = 1000;
/** Those who were told of, newest last: eleven minutes of a siege. */
const MOST_TOLD = 65_536;

type StageEvent = Extract<KnockEvent, { type: "stage" }>;
type TimeoutEvent = Extract<KnockEvent, { type: "timeout" }>;

export type Decision = "tell" | "hold" | "tell with Stage 1";

export interface HeldBack {
  readonly count: number;
  readonly kind: "Stage 1" | "sequence timeout" | "scan" | "code";
}

interface Budget {
  readonly kind: HeldBack["kind"];
  begunAt: number;
  told: number;
  held: number;
}

export class RateLimiter {
  readonly #starts = budget("Stage 1");
  readonly #timeouts = budget("sequence timeout");
  readonly #scans = budget("scan");
  readonly #codes = budget("code");
  /** Whose Stage 1 was told: at most 100 a second are. Those whose was not are as many as an attacker likes. */
  readonly #told = new Set<string>();
  #heldAt = Number.NEGATIVE_INFINITY;
  /** Most events come in threes and fours of one knocker at one door. */
  #last: { readonly door: DoorRef; readonly knocker: Address; readonly key: string } | undefined;

  /** `summaries` has nothing to tell before this time; Infinity when nothing is held back. */
  get due(): number {
    const { held } = this.#codes;
    if (this.#starts.held + this.#timeouts.held + this.#scans.held + held === 0) return Number.POSITIVE_INFINITY;
    return Math.min(dueOf(this.#starts), dueOf(this.#timeouts), dueOf(this.#scans), dueOf(this.#codes));
  }

  /** What to do with the line of this event. `now` in milliseconds, monotonic. */
  decide(event: KnockEvent, now: number): Decision {
    if (event.type === "open") return "tell";
    if (event.type === "scan") return tryConsume(this.#scans, now) ? "tell" : "hold";
    if (event.type === "code") {
      const isClients = event.decision.result === "accepted"; // nobody else can make many of these
      return isClients || tryConsume(this.#codes, now) ? "tell" : "hold";
    }
    if (event.type === "timeout") {
      if (!tryConsume(this.#timeouts, now)) return "hold";
      this.#told.delete(this.#keyOf(event)); // his attempt is over
      return "tell";
    }
    if (event.door.knocks === 1) return "tell"; // it opens with this knock
    if (event.stage === 1) return this.#judgeStart(event, now);
    if (event.stage > 2 || this.#told.delete(this.#keyOf(event))) return "tell";
    // His attempt is no older than this: when nothing was held back since, he was told, and is forgotten by now.
    return now - this.#heldAt <= event.door.seqTimeout * SECOND_MS ? "tell with Stage 1" : "tell";
  }

  /** Of each kind, how many lines were held back in a second that is over; in any, at the end: Infinity. */
  summaries(now: number): readonly HeldBack[] {
    const over = [this.#starts, this.#timeouts, this.#scans, this.#codes].filter(
      (budget) => budget.held > 0 && dueOf(budget) <= now,
    );
    return over.map((budget) => {
      const { held: count, kind } = budget;
      budget.held = 0;
      return { count, kind };
    });
  }

  #judgeStart(event: StageEvent, now: number): Decision {
    const key = this.#keyOf(event);
    this.#told.delete(key); // an earlier attempt's
    if (!tryConsume(this.#starts, now)) {
      this.#heldAt = now;
      return "hold";
    }
    this.#told.add(key);
    if (this.#told.size > MOST_TOLD) this.#told.delete(this.#told.values().next().value!);
    return "tell";
  }

  #keyOf({ door, knocker }: StageEvent | TimeoutEvent): string {
    if (this.#last === undefined || this.#last.door !== door || !sameAddress(this.#last.knocker, knocker)) {
      const { w0, w1, w2, w3 } = knocker;
      this.#last = { door, knocker, key: `${w0},${w1},${w2},${w3} ${door.name}` };
    }
    return this.#last.key;
  }
}

function budget(kind: Budget["kind"]): Budget {
  return { kind, begunAt: Number.NEGATIVE_INFINITY, told: 0, held: 0 };
}

function dueOf({ held, begunAt }: Budget): number {
  return held > 0 ? begunAt + SECOND_MS : Number.POSITIVE_INFINITY;
}

/** Is there a line left in this second? `summaries` has been asked before, so that none is held back from an earlier one. */
function tryConsume(budget: Budget, now: number): boolean {
  if (now - budget.begunAt >= SECOND_MS) {
    budget.begunAt = now;
    budget.told = 0;
  }
  if (budget.told < MOST_LINES) {
    budget.told++;
    return true;
  }
  budget.held++;
  return false;
}
