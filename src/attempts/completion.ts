// How an attempt ends: its door opens, now or a moment later (held-openings.ts), or it times out.

import type { Accepted } from "../events/code-decision.ts";
import type { KnockEvent } from "../events/knock-event.ts";
import { VERDICT } from "../events/observer.ts";
import type { Address } from "../net/address.ts";
import type { AttemptTable } from "./attempt-table.ts";
import { type Cooldowns, cooldownKey } from "./cooldowns.ts";
import type { CurrentPacket } from "./current-packet.ts";
import type { DoorCooldowns } from "./door-cooldowns.ts";
import type { DoorState } from "./door-state.ts";
import { NOTHING } from "./event-list.ts";
import type { Retransmissions } from "./retransmissions.ts";
import type { ScanDetector } from "./scan-detector.ts";
import type { VerdictReporter } from "./verdict-reporter.ts";

export interface CompletionParts {
  readonly table: AttemptTable;
  readonly scanDetector: ScanDetector;
  readonly retransmissions: Retransmissions;
  readonly cooldowns: Cooldowns;
  readonly doorCooldowns: DoorCooldowns;
  readonly verdictReporter: VerdictReporter;
}

/** The events of a code that opens its door. */
export function codeOpening(state: DoorState, knocker: Address, decision: Accepted): readonly KnockEvent[] {
  state.codes!.opened(decision.client);
  const { ref: door } = state;
  return [
    { type: "code", door, knocker, decision },
    { type: "open", door, knocker, client: decision.client },
  ];
}

export class Completion {
  readonly #table: AttemptTable;
  readonly #scanDetector: ScanDetector;
  readonly #retransmissions: Retransmissions;
  readonly #cooldowns: Cooldowns;
  readonly #doorCooldowns: DoorCooldowns;
  readonly #verdictReporter: VerdictReporter;

  constructor(parts: CompletionParts) {
    const { table, scanDetector, retransmissions, cooldowns, doorCooldowns, verdictReporter } = parts;
    this.#doorCooldowns = doorCooldowns;
    this.#table = table;
    this.#scanDetector = scanDetector;
    this.#retransmissions = retransmissions;
    this.#cooldowns = cooldowns;
    this.#verdictReporter = verdictReporter;
  }

  /** `expire` has nothing to do before this time (milliseconds). Infinity without an attempt. */
  get deadline(): number {
    return Math.min(this.#scanDetector.held.deadline, this.#table.expiry.deadline);
  }

  /** Does everything that is due, but ends at most `most` attempts. While more are due, `deadline` is not later than `now`. */
  expire(now: number, most: number): readonly KnockEvent[] {
    const events: KnockEvent[] = [];
    for (const { state, knocker, hash, accepted } of this.#scanDetector.held.release(now)) {
      this.#verdictReporter.beginWithout(knocker, hash, now);
      const left = this.#doorCooldowns.remaining(state, now); // the door opened for somebody else while this opening waited
      if (left > 0) this.#verdictReporter.report(VERDICT.cooldown, state, 0, left);
      else if (accepted !== undefined && !state.retired && state.codes!.has(accepted.client)) {
        this.open(state, hash, now);
        events.push(...codeOpening(state, knocker, accepted));
      } else if (accepted === undefined && !state.retired) {
        this.open(state, hash, now);
        events.push({ type: "open", door: state.ref, knocker });
      } else this.#verdictReporter.report(VERDICT.used, state, 0);
    }
    this.#table.expiry.drain(now, most, (slot) => {
      const source = this.#table.pool.source(slot);
      const hash = this.#table.hash(source);
      if (this.#table.state(slot).retired) {
        this.#table.remove(slot, hash);
        return;
      }
      this.#verdictReporter.beginWithout(source, hash, now);
      events.push(...this.timeout(slot, hash, now));
    });
    return events.length === 0 ? NOTHING : events;
  }

  /** Records that the door opens. The caller makes the event. */
  open(state: DoorState, hash: number, now: number): void {
    this.#verdictReporter.report(VERDICT.open, state, state.ref.knocks);
    this.#doorCooldowns.begin(state, now);
    const { seqCooldown, seqCooldownScope } = state.door.policy;
    if (seqCooldown > 0 && seqCooldownScope === "client")
      this.#cooldowns.set(cooldownKey(hash, state), now + 1000 * seqCooldown);
    // A used one-time sequence lets no client in, not even before setDoors brings the next one.
    if (state.door.oneTimeSequences !== undefined) state.retired = true;
  }

  /** Remembers the current packet, which has begun, advanced or ended an attempt, because it may be retransmitted. */
  remember(current: CurrentPacket): void {
    const { packet, hash, print, now } = current;
    if (print === 0 || current.isRemembered) return;
    current.isRemembered = true;
    this.#retransmissions.add(hash, print, now, packet.port, packet.sequence, 0);
  }

  /** Remembers the last segment of an attempt that the current packet advances or ends. */
  rememberLast(slot: number, current: CurrentPacket): void {
    const { hash, now } = current;
    const { pool } = this.#table;
    const print = pool.fingerprint(slot);
    if (print === 0) return;
    const port = this.#table.lastPort(slot);
    const sequence = pool.sequence(slot);
    this.#retransmissions.remember(hash, print, now, port, sequence, pool.sinceKnock(slot, now));
    if (print === current.print) current.isRemembered = true;
  }

  /** Ends an attempt that has timed out. A silent attempt (bans.ts) has no event. */
  timeout(slot: number, hash: number, now: number): readonly KnockEvent[] {
    const { pool } = this.#table;
    const state = this.#table.state(slot);
    const [knocker, stage] = [pool.source(slot), pool.stage(slot)];
    const print = pool.fingerprint(slot);
    if (print !== 0) {
      const port = this.#table.lastPort(slot);
      const sequence = pool.sequence(slot);
      this.#retransmissions.rememberIfFree(hash, print, now, port, sequence, pool.sinceKnock(slot, now));
    }
    const late = pool.age(slot, now) - state.timeouts.milliseconds;
    this.#verdictReporter.report(VERDICT.timeout, state, stage, late);
    const isSilent = pool.strays.isSilent(slot);
    this.#table.remove(slot, hash);
    return isSilent ? NOTHING : [{ type: "timeout", door: state.ref, knocker, stage }];
  }
}
