// What a knock does to the attempts of its source: advances them, voids them, or begins new ones.

import type { KnockEvent } from "../events/knock-event.ts";
import { VERDICT } from "../events/observer.ts";
import type { AttemptPool } from "./attempt-pool.ts";
import type { AttemptTable } from "./attempt-table.ts";
import type { Completion } from "./completion.ts";
import type { CurrentPacket } from "./current-packet.ts";
import type { DoorState } from "./door-state.ts";
import { append } from "./event-list.ts";
import type { Expiry } from "./expiry.ts";
import type { LastPacket } from "./last-packet.ts";
import type { PacketMatcher } from "./packet-matcher.ts";
import type { Refusals } from "./refusals.ts";
import type { ScanDetector } from "./scan-detector.ts";
import type { VerdictReporter } from "./verdict-reporter.ts";

export interface TransitionsParts {
  readonly table: AttemptTable;
  readonly matcher: PacketMatcher;
  readonly scanDetector: ScanDetector;
  readonly refusals: Refusals;
  readonly completion: Completion;
  readonly lastPacket: LastPacket;
  readonly verdictReporter: VerdictReporter;
}

export class Transitions {
  readonly #table: AttemptTable;
  readonly #pool: AttemptPool;
  readonly #expiry: Expiry;
  readonly #matcher: PacketMatcher;
  readonly #scanDetector: ScanDetector;
  readonly #refusals: Refusals;
  readonly #completion: Completion;
  readonly #lastPacket: LastPacket;
  readonly #verdictReporter: VerdictReporter;
  #packets = 0;
  /** Has the current packet advanced an attempt? */
  #moved = false;

  constructor(parts: TransitionsParts) {
    this.#table = parts.table;
    this.#pool = parts.table.pool;
    this.#expiry = parts.table.expiry;
    this.#matcher = parts.matcher;
    this.#scanDetector = parts.scanDetector;
    this.#refusals = parts.refusals;
    this.#completion = parts.completion;
    this.#lastPacket = parts.lastPacket;
    this.#verdictReporter = parts.verdictReporter;
  }

  /** Call it for each new packet. */
  next(): void {
    this.#packets++;
    this.#moved = false;
  }

  /** Applies the current packet to a live attempt of its source. */
  goOn(slot: number, current: CurrentPacket, events: readonly KnockEvent[]): readonly KnockEvent[] {
    const { packet, key, now } = current;
    const state = this.#table.state(slot);
    if (state.codes !== undefined) return events; // code-attempts.ts handles it
    const stage = this.#pool.stage(slot);
    if (this.#expiry.expired(slot, state.timeouts, now)) return this.#tooLate(slot, state, current, events);
    const isMatch = this.#matcher.matches(state.rule, packet);
    if (!isMatch || state.knocks[stage] !== key) {
      this.#notNext(slot, state, current, isMatch);
      return events;
    }
    state.metAt = this.#packets;
    const print = this.#pool.fingerprint(slot);
    // Asked here and below, because V8 does not inline the rest. In a flood it is always 0 (repeats.ts).
    if (print !== 0) this.#completion.rememberLast(slot, current);
    const scan = this.#scanDetector.knock(packet, slot, current.hash, now);
    if (scan === undefined) return this.#advance(slot, state, current, events);
    this.#completion.remember(current);
    this.#lastPacket.forget();
    this.#verdictReporter.report(VERDICT.scan, undefined, 0, scan.ports);
    return scan.event === undefined ? events : append(events, [scan.event]);
  }

  /** The packet is not the knock that the attempt waits for. `isMatch`: does its door accept the packet? */
  #notNext(slot: number, state: DoorState, current: CurrentPacket, isMatch: boolean): void {
    const { packet, key, hash, now } = current;
    const stage = this.#pool.stage(slot);
    if (!isMatch) {
      state.metAt = this.#packets;
      this.#verdictReporter.report(this.#matcher.mismatch([state.rule], packet), state, stage);
    } else if (stage === 1 && state.knocks[0] === key && this.#scanDetector.isOver(slot, hash, state, now)) {
      this.#completion.rememberLast(slot, current);
      this.#table.remove(slot, hash); // `begin` begins a new one
    } else if (state.knocks[stage - 1] === key) {
      state.metAt = this.#packets; // a knock sent twice, from a new port. 0.8 voids the attempt.
      this.#verdictReporter.report(VERDICT.twice, state, stage);
    } else {
      this.#completion.rememberLast(slot, current);
      this.#completion.remember(current);
      this.#table.remove(slot, hash);
      this.#verdictReporter.report(VERDICT.wrong, state, stage);
    }
  }

  /** The packet has come after the attempt's time was over. */
  #tooLate(
    slot: number,
    state: DoorState,
    { hash, now }: CurrentPacket,
    events: readonly KnockEvent[],
  ): readonly KnockEvent[] {
    const late = this.#pool.age(slot, now) - state.timeouts.milliseconds;
    this.#verdictReporter.report(VERDICT.late, state, this.#pool.stage(slot), late);
    return append(events, this.#completion.timeout(slot, hash, now));
  }

  /** The packet is the knock that the attempt waits for. */
  #advance(
    slot: number,
    state: DoorState,
    current: CurrentPacket,
    events: readonly KnockEvent[],
  ): readonly KnockEvent[] {
    const { packet, hash, print, now } = current;
    this.#moved = true;
    const knocker = this.#lastPacket.source;
    const stage = this.#pool.stage(slot) + 1;
    const age = this.#pool.age(slot, now);
    const isSilent = this.#pool.strays.isSilent(slot);
    this.#verdictReporter.report(VERDICT.stage, state, stage, age);
    if (stage < state.knocks.length) {
      this.#pool.advance(slot, print);
      this.#pool.touch(slot, now, packet.sequence);
      if (!isSilent) return append(events, state.events.stage(knocker, stage));
      this.#lastPacket.forget(); // no event, but a later packet of the same moment may advance the attempt
      return events;
    }
    if (print !== 0) this.#completion.remember(current);
    if (isSilent) this.#scanDetector.bans.lift(hash, state, now);
    const mayBeScan = this.#scanDetector.isSuspiciouslyFast(age, hash, state);
    if (mayBeScan) {
      const strays = this.#pool.strays.copy(slot);
      this.#scanDetector.held.hold({ state, knocker, hash, strays }, now);
    }
    this.#table.remove(slot, hash);
    if (!mayBeScan) return append(events, this.#openOrWait(state, stage, current));
    this.#verdictReporter.report(VERDICT.held, state, stage);
    return append(events, state.events.stage(knocker, stage));
  }

  /** Begins attempts at the doors whose first knock the packet is, unless it has advanced an attempt. */
  begin(firsts: readonly DoorState[], current: CurrentPacket, before: readonly KnockEvent[]): readonly KnockEvent[] {
    const { packet, hash, now } = current;
    let events = before;
    for (let i = 0; i < firsts.length; i++) {
      const state = firsts[i]!;
      if (state.metAt === this.#packets) continue;
      if (this.#moved || this.#refusals.isRefused(state, packet, hash, now)) {
        if (this.#verdictReporter.isWanted) this.#reportRefusal(state, current);
        continue;
      }
      const isSilent = this.#scanDetector.bans.isActive(hash, state, now);
      this.#verdictReporter.report(VERDICT.stage, state, 1);
      if (state.knocks.length > 1) {
        if (isSilent) this.#scanDetector.bans.tryAgain(hash, state, now);
        this.#table.begin(state, current, isSilent);
        if (isSilent) this.#lastPacket.forget();
        else events = append(events, state.events.stage(this.#lastPacket.source, 1));
      } else {
        if (current.print !== 0) this.#completion.remember(current);
        events = append(events, this.#open(state, current));
      }
    }
    return events;
  }

  #reportRefusal(state: DoorState, { packet, hash, now }: CurrentPacket): void {
    const { kind, left } = this.#refusals.why(state, packet, hash, now);
    this.#verdictReporter.report(kind, state, 0, left);
  }

  /** Opens the door, unless it has opened for somebody else since this attempt began (Cooldown). */
  #openOrWait(state: DoorState, stage: number, current: CurrentPacket): readonly KnockEvent[] {
    const left = this.#refusals.cooldownLeft(state, current.hash, current.now);
    if (left === 0) return this.#open(state, current);
    this.#verdictReporter.report(VERDICT.cooldown, state, 0, left);
    return state.events.stage(this.#lastPacket.source, stage);
  }

  /** The current packet is the last knock of the sequence. */
  #open(state: DoorState, { hash, now }: CurrentPacket): readonly KnockEvent[] {
    this.#completion.open(state, hash, now);
    return state.events.opening(this.#lastPacket.source, state.knocks.length);
  }
}
