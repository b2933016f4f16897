// The state machine: (packet, time) → events. Pure: no clock, no file, no process.
// The rules are 0.8's (docs/differences.md names those that are not).

import { ClientStates } from "../codes/client-states.ts";
import type { Door } from "../config/door.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import type { DoorRef, KnockEvent } from "../events/knock-event.ts";
import { type Observer, VERDICT } from "../events/observer.ts";
import { type Address, isHostAddress } from "../net/address.ts";
import type { ExpectedKnock } from "../net/expected-knock.ts";
import { knockKey } from "../net/knock-key.ts";
import { type Packet, TCP } from "../net/packet.ts";
import type { Clear } from "./attempt-pool.ts";
import { AttemptTable } from "./attempt-table.ts";
import { CodeAttempts } from "./code-attempts.ts";
import { Completion } from "./completion.ts";
import { Cooldowns } from "./cooldowns.ts";
import { CurrentPacket } from "./current-packet.ts";
import { DoorCooldowns } from "./door-cooldowns.ts";
import type { DoorState } from "./door-state.ts";
import { NOTHING } from "./event-list.ts";
import { LastPacket } from "./last-packet.ts";
import { NextKnock } from "./next-knock.ts";
import { PacketMatcher } from "./packet-matcher.ts";
import type { PortEntry } from "./port-index.ts";
import { Refusals } from "./refusals.ts";
import { Repeats } from "./repeats.ts";
import { fingerprint, Retransmissions } from "./retransmissions.ts";
import { ScanDetector } from "./scan-detector.ts";
import { Transitions } from "./transitions.ts";
import { UnmatchedPackets } from "./unmatched-packets.ts";
import { VerdictReporter } from "./verdict-reporter.ts";

export interface AttemptsOptions {
  /** Is this one of the addresses that doors without a Target listen at? */
  isOurs: (address: Address) => boolean;
  /** May this address be a client? The default is `isHostAddress`. */
  isClient?: (source: Address) => boolean;
  /** May this packet, which is no knock of any door, come from a scanner? */
  isStray: (packet: Packet) => boolean;
  /** May this TCP segment be a reply to a connection of this host? Then it is neither a knock nor a stray. */
  isAnswer?: ((packet: Packet) => boolean) | undefined;
  /** Two random words, for AddressHash. */
  hashKey: readonly [number, number];
  /** The largest number of live attempts. */
  capacity?: number | undefined;
  /** Clears memory that is no longer used, and may give it back. */
  clear?: Clear | undefined;
  observer?: Observer | undefined;
  /** Milliseconds since 1970. Codes depend on it. */
  wallClock?: (() => number) | undefined;
  /** Called when the record of a client has changed (code-attempts.ts). */
  onCode?: ((isUsed: boolean) => void) | undefined;
}

export const MAX_ATTEMPTS = 1_048_576;
const NO_KEY = -1;

export class Attempts {
  readonly #isClient: (source: Address) => boolean;
  readonly #matcher: PacketMatcher;
  readonly #table: AttemptTable;
  readonly #repeats: Repeats;
  readonly #isAnswer: (packet: Packet) => boolean;
  readonly #scanDetector: ScanDetector;
  readonly #unmatchedPackets: UnmatchedPackets;
  readonly #transitions: Transitions;
  readonly #codeAttempts: CodeAttempts;
  readonly #completion: Completion;
  readonly #verdictReporter: VerdictReporter;
  readonly #nextKnock: NextKnock;
  readonly #lastPacket = new LastPacket();
  /** The knock of the last packet, if it had no events. */
  #silentKey = NO_KEY;
  /** The same, if the packet before it was equal. Then it had no effect at all, and neither has the next equal one. */
  #idleKey = NO_KEY;
  /** The hash of the last packet's source. */
  #lastHash = 0;
  readonly #current = new CurrentPacket();

  constructor(options: AttemptsOptions) {
    const { isOurs, isClient = isHostAddress, isStray, isAnswer = () => false, hashKey } = options;
    const { capacity = MAX_ATTEMPTS, clear, observer, wallClock = Date.now, onCode = () => {} } = options;
    const matcher = new PacketMatcher(isOurs);
    const verdictReporter = new VerdictReporter(observer);
    const table = new AttemptTable(hashKey, capacity, clear);
    const retransmissions = new Retransmissions();
    const cooldowns = new Cooldowns();
    const doorCooldowns = new DoorCooldowns();
    const scanDetector = new ScanDetector(table, matcher, hashKey);
    const refusals = new Refusals(matcher, scanDetector, { cooldowns, doorCooldowns });
    const completion = new Completion({
      table,
      scanDetector,
      retransmissions,
      cooldowns,
      doorCooldowns,
      verdictReporter,
    });
    const lastPacket = this.#lastPacket;
    this.#isClient = isClient;
    this.#matcher = matcher;
    this.#isAnswer = isAnswer;
    this.#verdictReporter = verdictReporter;
    this.#table = table;
    this.#repeats = new Repeats(table, retransmissions);
    this.#scanDetector = scanDetector;
    this.#completion = completion;
    const decided = { table, matcher, scanDetector, completion };
    this.#unmatchedPackets = new UnmatchedPackets({ ...decided, isOurs, isStray, isAnswer });
    const parts = { ...decided, refusals, lastPacket, verdictReporter };
    this.#transitions = new Transitions(parts);
    this.#nextKnock = new NextKnock({ table, refusals, retransmissions, isAnswer });
    this.#codeAttempts = new CodeAttempts(parts, { wallClock, onCode });
  }

  /** The number of live attempts and held openings. */
  get live(): number {
    return this.#table.pool.live + this.#scanDetector.held.size;
  }

  /**
   * How many milliseconds later than their `now` the packets are read. Set this while late packets are read, and then back to
   * 0. Held openings wait that much longer, so they wait for their whole time.
   */
  set lateBy(milliseconds: number) {
    this.#scanDetector.held.lateBy = milliseconds;
  }

  /** Gives back the memory of attempts if none is live. Call it after much work. */
  trim(): void {
    this.#table.pool.trim();
  }

  /** `expire` has nothing to do before this time (milliseconds). Infinity without an attempt. */
  get deadline(): number {
    return this.#completion.deadline;
  }

  /** Is an opening held? Then call `expire` exactly at the deadline. */
  get isUrgent(): boolean {
    return this.#scanDetector.held.size > 0;
  }

  /** Sets the doors. Doors that did not change keep their attempts. All other attempts are void. */
  setDoors(resolvedDoors: readonly ResolvedDoor[], clientStates = new ClientStates()): void {
    this.#lastPacket.forget();
    this.#table.doors.set(resolvedDoors, clientStates);
  }

  /** The door of an event that has just been returned. */
  door(id: number): Door {
    return this.#table.doors.doorOf(id);
  }

  /** Handles one packet, and returns its events. `now` in milliseconds. Does not keep the packet. */
  knock(packet: Packet, now: number): readonly KnockEvent[] {
    const key = knockKey(packet.protocol, packet.port);
    const isLikeLast = this.#lastPacket.matches(packet, now);
    if (!isLikeLast) {
      if (!this.#mayBeClient(packet.source)) return NOTHING;
      this.#lastHash = this.#table.hash(packet.source);
      this.#matcher.forget();
      this.#silentKey = NO_KEY;
    } else if (key === this.#idleKey && this.#verdictReporter.repeat(packet, this.#lastHash, now)) return NOTHING; // most of a flood
    return this.#judge(packet, key, now, isLikeLast);
  }

  /** Apart from `knock`, because V8 inlines into a function what most of its calls need: few packets of a flood come here. */
  #judge(packet: Packet, key: number, now: number, isLikeLast: boolean): readonly KnockEvent[] {
    const current = this.#current;
    const silentKey = this.#silentKey;
    this.#silentKey = NO_KEY;
    this.#idleKey = NO_KEY;
    const entry = this.#table.doors.entry(key);
    current.begin(packet, key, this.#lastHash, now);
    if (entry === undefined || this.#isAnswer(packet)) {
      this.#verdictReporter.begin(current, false);
      return this.#noKnock(current, entry);
    }
    this.#verdictReporter.begin(current, isLikeLast);
    if (!this.#matcher.matchesAny(entry.rules, packet)) return this.#noKnock(current, entry);
    // Hand-made headers have sequence number 0. It does not show that the same segment was sent again.
    current.print = packet.protocol === TCP && packet.sequence !== 0 ? fingerprint(packet) : 0;
    const count = this.#table.collect(packet.source, current.hash);
    current.count = count;
    if (current.print !== 0 && this.#repeats.isOne(current)) {
      this.#verdictReporter.report(VERDICT.again, undefined, 0);
      return NOTHING;
    }

    this.#transitions.next();
    let events = NOTHING;
    const { collected } = this.#table;
    if (entry.isKnock) {
      for (let i = 0; i < count; i++) events = this.#transitions.goOn(collected[i]!, current, events);
      // 0.8 swallows the packet as long as the source has any live attempt.
      if (entry.isFirst) events = this.#transitions.begin(entry.firsts, current, events);
      else if (count === 0) this.#verdictReporter.report(VERDICT.later, undefined, 0);
    }
    if (entry.isCode) events = this.#knockCodes(entry.codes, current, events);
    if (events.length > 0) return events;
    this.#silentKey = key;
    if (silentKey === key) this.#idleKey = key;
    return events;
  }

  /** The packet that would open this door if it came next. `knock` has just returned the event of a stage of the door. */
  expectedKnock(door: DoorRef, now: number): ExpectedKnock | undefined {
    return this.#nextKnock.after(this.#current, door, now);
  }

  /** Opens held doors that are due, and ends attempts whose time is over, at most `most` of them (completion.ts). */
  expire(now: number, most = 1024): readonly KnockEvent[] {
    if (now < this.deadline) return NOTHING;
    this.#lastPacket.forget(); // a later packet of the same moment may begin an attempt that ends here
    return this.#completion.expire(now, most);
  }

  #knockCodes(
    codes: readonly DoorState[],
    current: CurrentPacket,
    before: readonly KnockEvent[],
  ): readonly KnockEvent[] {
    let events = before;
    for (const state of codes) events = this.#codeAttempts.knock(state, current, events);
    return events;
  }

  #noKnock(current: CurrentPacket, entry: PortEntry | undefined): readonly KnockEvent[] {
    const { kind, ports, event } = this.#unmatchedPackets.judge(current, entry);
    if (kind === VERDICT.stray || kind === VERDICT.scan) this.#lastPacket.forget();
    if (kind !== undefined) this.#verdictReporter.report(kind, undefined, 0, ports);
    return event === undefined ? NOTHING : [event];
  }

  /** Forgets what was found out about the last packet, so that it does not count for the next one. */
  forgetLast(): void {
    this.#lastPacket.forget();
  }

  /** False for this host's own addresses and for those that no client can have: the packet is forged, or our own. */
  #mayBeClient(source: Address): boolean {
    if (this.#isClient(source)) return true;
    this.#lastPacket.forget();
    return false;
  }
}
