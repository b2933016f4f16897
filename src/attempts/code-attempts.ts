// Attempts at codes. A guess is one port of each block, in any order. It is compared as a whole when the last block is filled,
// so that an attacker does not learn that two of three ports were right.

import type { CodeDecision } from "../events/code-decision.ts";
import type { KnockEvent } from "../events/knock-event.ts";
import { codeDetail, VERDICT } from "../events/observer.ts";
import { type AttemptPool, NONE } from "./attempt-pool.ts";
import type { AttemptTable } from "./attempt-table.ts";
import { type Completion, codeOpening } from "./completion.ts";
import type { CurrentPacket } from "./current-packet.ts";
import type { DoorState } from "./door-state.ts";
import { append } from "./event-list.ts";
import type { TransitionsParts } from "./transitions.ts";
import { sourceNetwork, WrongCodes } from "./wrong-codes.ts";

export interface CodeAttemptsOptions {
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** Called when the record of a client has changed. `isUsed`: by a right code, which must not count again. */
  readonly onCode: (isUsed: boolean) => void;
}

const VERDICTS = {
  accepted: VERDICT.accepted,
  first: VERDICT.first,
  contested: VERDICT.contested,
  replay: VERDICT.replay,
  repeat: VERDICT.repeat,
  clock: VERDICT.clock,
  refused: VERDICT.refused,
  busy: VERDICT.busy,
  wrong: VERDICT.wrongCode,
} as const;

export class CodeAttempts {
  readonly #parts: TransitionsParts;
  readonly #options: CodeAttemptsOptions;
  readonly #table: AttemptTable;
  readonly #pool: AttemptPool;
  readonly #completion: Completion;
  readonly #wrongCodes = new WrongCodes();

  constructor(parts: TransitionsParts, options: CodeAttemptsOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#table = parts.table;
    this.#pool = parts.table.pool;
    this.#completion = parts.completion;
  }

  /** Handles a packet to a port of a door's codes. */
  knock(state: DoorState, current: CurrentPacket, before: readonly KnockEvent[]): readonly KnockEvent[] {
    let events = before;
    let slot = this.#find(state, current.count);
    if (slot !== NONE && this.#table.expiry.expired(slot, state.timeouts, current.now)) {
      events = append(events, this.#completion.timeout(slot, current.hash, current.now));
      slot = NONE;
    }
    const { matcher, verdictReporter } = this.#parts;
    if (!matcher.matches(state.rule, current.packet)) {
      verdictReporter.report(matcher.mismatch([state.rule], current.packet), state, 0);
      return events;
    }
    return slot === NONE ? this.#begin(state, current, events) : this.#goOn(slot, state, current, events);
  }

  #find(state: DoorState, count: number): number {
    const { collected } = this.#table;
    for (let i = 0; i < count; i++) if (this.#table.state(collected[i]!) === state) return collected[i]!;
    return NONE;
  }

  #begin(state: DoorState, current: CurrentPacket, events: readonly KnockEvent[]): readonly KnockEvent[] {
    const { refusals, scanDetector, verdictReporter, lastPacket } = this.#parts;
    const { packet, hash, now } = current;
    const network = this.#networkHash(current);
    const isBanned = this.#wrongCodes.bans.isActive(network, state, now);
    if (isBanned && !this.#wrongCodes.bans.mayTryAgain(network, state, now)) {
      verdictReporter.report(VERDICT.banned, state, 0, this.#wrongCodes.bans.remaining(network, state, now));
      return events;
    }
    if (refusals.isRefused(state, packet, hash, now)) {
      const { kind, left } = refusals.why(state, packet, hash, now);
      verdictReporter.report(kind, state, 0, left);
      return events;
    }
    const isScanner = scanDetector.bans.isActive(hash, state, now);
    if (isScanner) scanDetector.bans.tryAgain(hash, state, now);
    if (isBanned) this.#wrongCodes.bans.tryAgain(network, state, now);
    const isSilent = isBanned || isScanner;
    verdictReporter.report(VERDICT.stage, state, 1);
    const slot = this.#table.begin(state, current, isSilent);
    this.#pool.guesses.begin(slot);
    const block = state.codes!.blockOf(packet.port);
    this.#pool.guesses.setPlace(slot, block, packet.port - state.codes!.blocks[block]!);
    if (!isSilent) return append(events, state.events.stage(lastPacket.source, 1));
    lastPacket.forget(); // no event, but a later packet of the same moment may advance the attempt
    return events;
  }

  #goOn(slot: number, state: DoorState, current: CurrentPacket, events: readonly KnockEvent[]): readonly KnockEvent[] {
    const { scanDetector, verdictReporter, lastPacket } = this.#parts;
    const { packet, hash, print, now } = current;
    const block = state.codes!.blockOf(packet.port);
    const place = packet.port - state.codes!.blocks[block]!;
    const stage = this.#pool.stage(slot);
    const there = this.#pool.guesses.place(slot, block);
    if (there === place) {
      verdictReporter.report(VERDICT.twice, state, stage);
      return events;
    }
    this.#completion.rememberLast(slot, current);
    const scan = scanDetector.knock(packet, slot, hash, now);
    if (scan !== undefined) {
      this.#completion.remember(current);
      lastPacket.forget();
      verdictReporter.report(VERDICT.scan, undefined, 0, scan.ports);
      return scan.event === undefined ? events : append(events, [scan.event]);
    }
    this.#pool.guesses.setPlace(slot, block, place);
    this.#pool.touch(slot, now, packet.sequence);
    if (there >= 0) {
      this.#pool.replace(slot, print);
      verdictReporter.report(VERDICT.twice, state, stage);
      return events;
    }
    this.#pool.advance(slot, print);
    verdictReporter.report(VERDICT.stage, state, stage + 1, this.#pool.age(slot, now));
    const isSilent = this.#pool.strays.isSilent(slot);
    if (isSilent) lastPacket.forget();
    const staged = isSilent ? events : append(events, state.events.stage(lastPacket.source, stage + 1));
    if (stage + 1 < state.ref.knocks) return staged;
    this.#completion.remember(current);
    return this.#complete(slot, state, current, staged);
  }

  /** Decides on a guess: its last block is filled. */
  #complete(
    slot: number,
    state: DoorState,
    current: CurrentPacket,
    events: readonly KnockEvent[],
  ): readonly KnockEvent[] {
    const { scanDetector, lastPacket } = this.#parts;
    const { hash, now } = current;
    const left = this.#parts.refusals.cooldownLeft(state, hash, now);
    if (left > 0) {
      // The door has opened for somebody else since this attempt began (Cooldown). The code is not used up.
      this.#table.remove(slot, hash);
      this.#parts.verdictReporter.report(VERDICT.cooldown, state, 0, left);
      return events;
    }
    const guess = this.#guess(slot, state);
    const age = this.#pool.age(slot, now);
    const isSilent = this.#pool.strays.isSilent(slot);
    const knocker = lastPacket.source;
    const decision = state.codes!.decide(guess, knocker, { now, wall: this.#options.wallClock() });
    const strays = decision.result === "accepted" ? this.#pool.strays.copy(slot) : undefined;
    this.#table.remove(slot, hash);
    this.#report(state, decision);
    const isRight = decision.result === "accepted" || decision.result === "first";
    if (isRight) this.#forgive(state, current, isSilent);
    if (isRight || decision.result === "contested") this.#options.onCode(true);
    const isBanned = decision.result === "wrong" && this.#isBannedNow(state, current);
    if (decision.result === "contested") scanDetector.held.dropCode(state, decision.client);
    const isNews = decision.result !== "wrong" && decision.result !== "busy";
    if (decision.result === "repeat" || (isSilent && !isNews)) return events;
    if (decision.result !== "accepted") {
      const banSeconds = isBanned ? state.door.policy.banTime : undefined;
      return append(events, [{ type: "code", door: state.ref, knocker, decision, banSeconds }]);
    }
    if (decision.holdMs > 0 || scanDetector.isSuspiciouslyFast(age, hash, state)) {
      scanDetector.held.holdCode({ state, knocker, hash, strays: strays!, accepted: decision }, now);
      return events;
    }
    this.#completion.open(state, hash, now);
    return append(events, codeOpening(state, knocker, decision));
  }

  #guess(slot: number, { codes }: DoorState): number {
    const { blocks, blockSize } = codes!;
    let guess = 0;
    for (let block = 0; block < blocks.length; block++)
      guess = guess * blockSize + this.#pool.guesses.place(slot, block);
    return guess;
  }

  #report(state: DoorState, decision: CodeDecision): void {
    const { verdictReporter } = this.#parts;
    if (!verdictReporter.isWanted) return;
    const number = state.codes!.clients.findIndex(({ name }) => name === decision.client);
    const value = decision.result === "clock" ? decision.seconds : decision.result === "wrong" ? decision.count : 0;
    const detail = codeDetail(Math.max(0, number), value);
    verdictReporter.report(VERDICTS[decision.result], state, state.ref.knocks, detail);
  }

  #isBannedNow(state: DoorState, current: CurrentPacket): boolean {
    this.#options.onCode(false);
    return this.#wrongCodes.add(this.#networkHash(current), state, current.now);
  }

  #forgive(state: DoorState, current: CurrentPacket, isSilent: boolean): void {
    this.#wrongCodes.forgive(this.#networkHash(current), state, current.now);
    if (isSilent) this.#parts.scanDetector.bans.lift(current.hash, state, current.now);
  }

  #networkHash({ packet, hash }: CurrentPacket): number {
    const network = sourceNetwork(packet.source);
    return network === packet.source ? hash : this.#table.hash(network);
  }
}
