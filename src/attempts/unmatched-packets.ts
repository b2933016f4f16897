// Packets that are no knock: no door has their port, or none accepts them. They matter only if their source is in the middle
// of a sequence.

import type { KnockEvent } from "../events/knock-event.ts";
import { VERDICT } from "../events/observer.ts";
import type { Address } from "../net/address.ts";
import type { Packet } from "../net/packet.ts";
import { NONE } from "./attempt-pool.ts";
import type { AttemptTable } from "./attempt-table.ts";
import type { Completion } from "./completion.ts";
import type { CurrentPacket } from "./current-packet.ts";
import type { PacketMatcher } from "./packet-matcher.ts";
import type { PortEntry } from "./port-index.ts";
import type { ScanDetector } from "./scan-detector.ts";

export interface UnmatchedPacketsOptions {
  readonly table: AttemptTable;
  readonly scanDetector: ScanDetector;
  readonly matcher: PacketMatcher;
  readonly completion: Completion;
  readonly isOurs: (address: Address) => boolean;
  readonly isStray: (packet: Packet) => boolean;
  readonly isAnswer: (packet: Packet) => boolean;
}

/** What became of one packet. */
export interface Outcome {
  /** The VERDICT for the observer. Undefined: nothing to report. */
  readonly kind: number | undefined;
  /** The number of stray ports, for a scan. */
  readonly ports: number;
  readonly event: KnockEvent | undefined;
}

const outcome = (kind: number | undefined): Outcome => ({ kind, ports: 0, event: undefined });
// Made once, because in a flood each packet has one.
const [OTHER, ADDRESS, FLAGS, ANSWER, STRAY, SILENCE] = [
  outcome(VERDICT.other),
  outcome(VERDICT.address),
  outcome(VERDICT.flags),
  outcome(VERDICT.answer),
  outcome(VERDICT.stray),
  outcome(undefined),
];

export class UnmatchedPackets {
  readonly #table: AttemptTable;
  readonly #scanDetector: ScanDetector;
  readonly #matcher: PacketMatcher;
  readonly #completion: Completion;
  readonly #options: UnmatchedPacketsOptions;

  constructor(options: UnmatchedPacketsOptions) {
    this.#table = options.table;
    this.#scanDetector = options.scanDetector;
    this.#matcher = options.matcher;
    this.#completion = options.completion;
    this.#options = options;
  }

  /** `entry`: the entry of its port, if some door has that port but none accepts the packet. */
  judge(current: CurrentPacket, entry: PortEntry | undefined): Outcome {
    const { packet, hash, now } = current;
    const count = this.#collect(packet.source, hash);
    if (count < 0 || !this.#scanDetector.isStray(packet, hash, count)) return this.#why(packet, entry);
    if (!this.#options.isStray(packet)) return entry === undefined ? SILENCE : this.#why(packet, entry);
    // Remember the last knocks of these attempts, in case this packet voids them.
    for (let i = 0; i < count; i++) this.#completion.rememberLast(this.#table.collected[i]!, current);
    const { ports, event } = this.#scanDetector.recordStray(packet, hash, count, now);
    if (ports > 0) return { kind: VERDICT.scan, ports, event };
    return entry === undefined ? STRAY : this.#why(packet, entry); // the reason says more than "stray"
  }

  /** The number of live attempts of this source. -1 if it has neither an attempt nor a held opening. */
  #collect(source: Address, hash: number): number {
    const { pool } = this.#table;
    if (pool.live > 0 && pool.find(hash, source) !== NONE) return this.#table.collect(source, hash);
    return this.#scanDetector.held.has(hash) ? 0 : -1;
  }

  #why(packet: Packet, entry: PortEntry | undefined): Outcome {
    if (entry === undefined) return this.#options.isOurs(packet.destination) ? OTHER : ADDRESS;
    if (this.#options.isAnswer(packet)) return ANSWER;
    return this.#matcher.mismatch(entry.rules, packet) === VERDICT.flags ? FLAGS : ADDRESS;
  }
}
