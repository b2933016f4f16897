// The observer of a replay: says of each packet that had to do with a door why nothing came of it. What came about, the
// daemon's lines have.

import { type DoorState, knockKey } from "../attempts/door-index.ts";
import { type Observer, VERDICT, type VerdictKind } from "../attempts/observer.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import { verdictLine } from "../history/describe.ts";
import type { Address } from "../net/address.ts";
import { type Packet, TCP, UDP } from "../net/packet.ts";

const NAMES = Object.keys(VERDICT) as VerdictKind[];
/** The daemon's lines tell of them; and of `other`, which is all the rest of a capture, nobody wants to read. */
const PASSED_OVER: ReadonlySet<VerdictKind> = new Set(["stage", "open", "timeout", "scan", "other"]);

export class VerdictPrinter implements Observer {
  /** All of a capture is told. */
  readonly isSaturated = false;
  readonly #tell: (knocker: Address, line: string) => void;
  #knocks: ReadonlySet<number> = new Set();

  constructor(tell: (knocker: Address, line: string) => void) {
    this.#tell = tell;
  }

  setDoors(resolvedDoors: readonly ResolvedDoor[]): void {
    const knocks = resolvedDoors.flatMap(({ door }) => door.sequence);
    this.#knocks = new Set(knocks.map(({ protocol, port }) => knockKey(protocol === "tcp" ? TCP : UDP, port)));
  }

  packet(
    number: number,
    at: DoorState | undefined,
    stage: number,
    packet: Packet,
    _: number,
    now: number,
    detail: number,
  ) {
    const fate = NAMES[number]!;
    if (PASSED_OVER.has(fate)) return;
    // A capture has what is meant for others, too.
    if (fate === "address" && !this.#knocks.has(knockKey(packet.protocol, packet.port))) return;
    this.#say(fate, at, stage, packet.source, now, detail);
  }

  attemptEnded(number: number, at: DoorState, stage: number, knocker: Address, _: number, now: number, detail: number) {
    const fate = NAMES[number]!;
    if (!PASSED_OVER.has(fate)) this.#say(fate, at, stage, knocker, now, detail);
  }

  #say(
    fate: VerdictKind,
    at: DoorState | undefined,
    stage: number,
    knocker: Address,
    now: number,
    detail: number,
  ): void {
    const [door, of] = [at?.door.name, at?.knocks.length ?? 0];
    this.#tell(knocker, verdictLine({ at: now, knocker, fate, door, stage, of, detail, times: 1, knock: undefined }));
  }
}
