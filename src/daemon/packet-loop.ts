// What happens to a packet: attempts/ decides, log/ writes each event down, doors/ opens. Only this file connects them. The
// daemon drives it in real time (capture-loop.ts). replay/ and the story tests drive it by the times of their packets.

import { randomBytes } from "node:crypto";
import type { Clear } from "../attempts/attempt-pool.ts";
import { Attempts, MAX_ATTEMPTS } from "../attempts/attempts.ts";
import { ClientStates } from "../codes/client-states.ts";
import type { Door } from "../config/door.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import type { CodeDecision } from "../events/code-decision.ts";
import type { LetIn } from "../events/door-opener.ts";
import type { KnockEvent } from "../events/knock-event.ts";
import type { Observer } from "../events/observer.ts";
import type { Address } from "../net/address.ts";
import type { ExpectedKnock } from "../net/expected-knock.ts";
import type { Packet } from "../net/packet.ts";

export interface PacketLoopOptions {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Does the interface of the current packet have this address? */
  readonly isOurs: (address: Address) => boolean;
  /** May this source be a client? */
  readonly isClient?: ((source: Address) => boolean) | undefined;
  /** Tells strays and answers from knocks. */
  readonly scanWindow: { isStray(packet: Packet): boolean; isAnswer(packet: Packet): boolean };
  readonly eventLog: { event(event: KnockEvent, at: number): void };
  /** Opens the door for a client that has made its last knock. */
  readonly opener: {
    /** Opens a door that needs no command. Called before anything is logged. */
    letIn?(door: Door, knocker: Address): LetIn;
    /** Has a built-in door opened by this knock, if it is the next packet, until `endExpectation`. */
    expect?(door: Door, knock: ExpectedKnock): void;
    endExpectation?(): void;
    /** `client`: the name of the client whose code it was. */
    open(door: Door, knocker: Address, letIn: LetIn, client?: string): void;
  };
  /** Called when a code was used before, by `other` if that is known. */
  readonly onReplay?: ((door: Door, other: string | undefined) => void) | undefined;
  /** Milliseconds since 1970. Codes depend on it. */
  readonly wallClock?: (() => number) | undefined;
  /** Called when the record of a client has changed. `isUsed`: by a right code, which must not count again. */
  readonly onCode?: ((isUsed: boolean) => void) | undefined;
  /** Gets the verdict on every packet. */
  readonly observer?: (Observer & { setDoors(resolvedDoors: readonly ResolvedDoor[], now: number): void }) | undefined;
  readonly clear?: Clear | undefined;
  /** The largest number of live attempts. */
  readonly capacity?: number | undefined;
}

export class PacketLoop {
  /** The number of openings so far. */
  openings = 0;
  readonly #options: PacketLoopOptions;
  readonly #attempts: Attempts;
  // In fields, because V8 compiles for the shape of an object, and the callers' options differ (warm-up.ts).
  readonly #eventLog: PacketLoopOptions["eventLog"];
  readonly #opener: PacketLoopOptions["opener"];
  #resolvedDoors: readonly ResolvedDoor[] = [];
  #clientStates = new ClientStates();
  // The doors that the current packet opens, and what the kernel has opened of them. The lists are reused for all packets.
  readonly #doors: Door[] = [];
  readonly #letIns: LetIn[] = [];
  /** The events of the last packet. */
  #lastEvents: readonly KnockEvent[] = [];
  /** Is a knock expected that opens a door if it is the next packet? */
  #isExpecting = false;

  constructor(options: PacketLoopOptions) {
    this.#options = options;
    this.#eventLog = options.eventLog;
    this.#opener = options.opener;
    const { isOurs, isClient, scanWindow, observer, clear, wallClock, onCode } = options;
    const { capacity = MAX_ATTEMPTS } = options;
    const key = randomBytes(8);
    this.#attempts = new Attempts({
      isOurs,
      ...(isClient === undefined ? {} : { isClient }),
      isStray: (packet) => scanWindow.isStray(packet),
      isAnswer: (packet) => scanWindow.isAnswer(packet),
      hashKey: [key.readInt32LE(0), key.readInt32LE(4)],
      clear,
      observer,
      wallClock,
      onCode,
      capacity,
    });
  }

  /** The number of live attempts. */
  get live(): number {
    return this.#attempts.live;
  }

  /** `expire` has nothing to do before this time. Infinity without an attempt. */
  get deadline(): number {
    return this.#attempts.deadline;
  }

  /** Is a client waiting for its door? Then call `expire` exactly at `deadline`. */
  get isUrgent(): boolean {
    return this.#attempts.isUrgent;
  }

  /** The doors in use. */
  get resolvedDoors(): readonly ResolvedDoor[] {
    return this.#resolvedDoors;
  }

  /** `clientStates`: the records of the clients whose codes open the doors. */
  setDoors(resolvedDoors: readonly ResolvedDoor[], clientStates = this.#clientStates): void {
    this.#endExpectation();
    this.#lastEvents = [];
    this.#resolvedDoors = resolvedDoors;
    this.#clientStates = clientStates;
    this.#attempts.setDoors(resolvedDoors, clientStates);
    this.#options.observer?.setDoors(resolvedDoors, this.#options.now());
  }

  /** Replaces `door` by `next`, or removes it if `next` is undefined. */
  replaceDoor(door: Door, next: Door | undefined): void {
    const instead = next === undefined ? [] : [next];
    this.setDoors(
      this.#resolvedDoors.flatMap((one) =>
        one.door === door ? instead.map((other) => ({ ...one, door: other })) : [one],
      ),
    );
  }

  /**
   * Call it after a batch. If that was one packet, its client's next one may open a door before JavaScript runs
   * (net/expected-knock.ts).
   */
  expectNext(isOnePacket: boolean, at: number): void {
    this.#endExpectation();
    const event = this.#lastEvents[0];
    if (!isOnePacket || event?.type !== "stage") return;
    const knock = this.#attempts.expectedKnock(event.door, at);
    if (knock === undefined) return;
    this.#options.opener.expect?.(this.#attempts.door(event.door.id), knock);
    this.#isExpecting = true;
  }

  #endExpectation(): void {
    if (this.#isExpecting) this.#options.opener.endExpectation?.();
    this.#isExpecting = false;
  }

  /** Handles one packet, and returns its events. Does not keep the packet. */
  packet(packet: Packet, at: number): readonly KnockEvent[] {
    const events = this.#attempts.knock(packet, at);
    this.#lastEvents = events;
    if (events.length === 0) return events;
    const first = events[0]!;
    if (events.length === 1 && first.type === "stage")
      this.#eventLog.event(first, at); // nothing opens
    else this.#onEvents(events, at);
    return events;
  }

  /** Call it if the next packet comes from another interface, which has other addresses. */
  changeInterface(): void {
    this.#attempts.forgetLast();
  }

  /** Does what is due: opens held doors, ends attempts. In a flood it does a part, and `deadline` stays in the past. */
  expire(at: number): void {
    this.#endExpectation();
    this.#lastEvents = [];
    this.#onEvents(this.#attempts.expire(at), at);
  }

  /** Reads packets for which this time counts, although it is `now` already. */
  readLate(at: number, now: number, read: () => void): void {
    this.#attempts.lateBy = now - at;
    read();
    this.#attempts.lateBy = 0;
  }

  /** Gives back memory that no attempt needs. */
  trim(): void {
    this.#attempts.trim();
  }

  #onEvents(events: readonly KnockEvent[], at: number): void {
    const eventLog = this.#eventLog;
    const opener = this.#opener;
    // All doors are found before one opens: an opening can replace its door, and with it the state of any other. And what
    // the kernel opens is open before anything is logged, because the client waits for that alone. An opening by a code is
    // not: its use has to be on the disk first.
    const doors = this.#doors;
    const letIns = this.#letIns;
    let found = 0;
    for (let i = 0; i < events.length; i++) {
      const event = events[i]!;
      if (event.type !== "open" && !isReplay(event)) continue;
      const door = this.#attempts.door(event.door.id);
      const isOpenNow = event.type === "open" && event.client === undefined;
      doors[found] = door;
      letIns[found] = isOpenNow ? opener.letIn?.(door, event.knocker) : undefined;
      found++;
    }
    let next = 0;
    for (let i = 0; i < events.length; i++) {
      const event = events[i]!;
      eventLog.event(event, at);
      if (next === found) continue;
      if (event.type === "open") {
        this.openings++;
        opener.open(doors[next]!, event.knocker, letIns[next], event.client);
        next++;
      } else if (isReplay(event)) {
        this.#options.onReplay?.(doors[next]!, event.decision.other);
        next++;
      }
    }
  }
}

type CodeEvent = Extract<KnockEvent, { type: "code" }>;
type Replay = CodeEvent & { readonly decision: Extract<CodeDecision, { result: "replay" }> };

function isReplay(event: KnockEvent): event is Replay {
  return event.type === "code" && event.decision.result === "replay";
}
