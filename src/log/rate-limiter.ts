// Limits how many lines a flood of forged knocks can write, so that it cannot fill the disk. Pure: the time is an argument.
// A client that opens a door loses no line: if its Stage 1 was held back, it is logged before its Stage 2.

import type { DoorRef, KnockEvent } from "../events/knock-event.ts";
import { type Address, sameAddress } from "../net/address.ts";

/** Lines of each kind per second. */
const MAX_LINES = 100;
const SECOND_MS = 1000;
/** Sources whose Stage 1 was logged, the newest last. Enough for eleven minutes of a flood. */
const MAX_TOLD = 65_536;

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
  /** Sources whose Stage 1 was logged: at most 100 per second. Those that were held back have no limit. */
  readonly #told = new Set<string>();
  #heldAt = Number.NEGATIVE_INFINITY;
  /** A cache: most events come in groups of three or four from one client at one door. */
  #last: { readonly door: DoorRef; readonly knocker: Address; readonly key: string } | undefined;

  /** Before this time `summaries` returns nothing. Infinity if nothing is held back. */
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
      const isClients = event.decision.result === "accepted"; // only clients can make many of these
      return isClients || tryConsume(this.#codes, now) ? "tell" : "hold";
    }
    if (event.type === "timeout") {
      if (!tryConsume(this.#timeouts, now)) return "hold";
      this.#told.delete(this.#keyOf(event)); // the attempt is over
      return "tell";
    }
    if (event.door.knocks === 1) return "tell"; // the door opens with this knock
    if (event.stage === 1) return this.#judgeStart(event, now);
    if (event.stage > 2 || this.#told.delete(this.#keyOf(event))) return "tell";
    // The attempt is at most seq_timeout old. If nothing was held back since then, its Stage 1 was logged.
    return now - this.#heldAt <= event.door.seqTimeout * SECOND_MS ? "tell with Stage 1" : "tell";
  }

  /** For each kind, how many lines were held back in a second that is over. With `now` Infinity: in any second. */
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
    if (this.#told.size > MAX_TOLD) this.#told.delete(this.#told.values().next().value!);
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

/** May one more line be logged in this second? Call `summaries` first, so that an earlier second has nothing held back. */
function tryConsume(budget: Budget, now: number): boolean {
  if (now - budget.begunAt >= SECOND_MS) {
    budget.begunAt = now;
    budget.told = 0;
  }
  if (budget.told < MAX_LINES) {
    budget.told++;
    return true;
  }
  budget.held++;
  return false;
}
