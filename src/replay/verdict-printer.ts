// The observer of a replay: prints why a packet for a door had no effect. The daemon's own lines report the other
// packets.

import { knockPorts } from "../config/code-doors.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import {
  isOfCode,
  type ObservedDoor,
  type Observer,
  splitCodeDetail,
  VERDICT,
  type VerdictKind,
} from "../events/observer.ts";
import { verdictLine } from "../history/describe.ts";
import type { Address } from "../net/address.ts";
import { knockKey } from "../net/knock-key.ts";
import { type Packet, TCP, UDP } from "../net/packet.ts";

const NAMES = Object.keys(VERDICT) as VerdictKind[];
/** The daemon's own lines report these, except `other`: packets for no door, which would fill the screen. */
const PASSED_OVER: ReadonlySet<VerdictKind> = new Set(["stage", "open", "timeout", "scan", "other"]);

export class VerdictPrinter implements Observer {
  /** A replay reports every packet. */
  readonly isSaturated = false;
  readonly #tell: (knocker: Address, line: string) => void;
  #knocks: ReadonlySet<number> = new Set();
  /** The source of the packet or attempt that the verdicts are about. */
  #source: Address = { w0: 0, w1: 0, w2: 0, w3: 0 };
  #key = 0;
  #now = 0;

  constructor(tell: (knocker: Address, line: string) => void) {
    this.#tell = tell;
  }

  setDoors(resolvedDoors: readonly ResolvedDoor[]): void {
    const keys = new Set<number>();
    for (const { protocol, low, high } of resolvedDoors.flatMap(({ door }) => knockPorts(door))) {
      for (let port = low; port <= high; port++) keys.add(knockKey(protocol === "tcp" ? TCP : UDP, port));
    }
    this.#knocks = keys;
  }

  begin(packet: Packet, _hash: number, now: number): void {
    this.#source = packet.source;
    this.#key = knockKey(packet.protocol, packet.port);
    this.#now = now;
  }

  beginWithout(source: Address, _hash: number, now: number): void {
    this.#source = source;
    this.#now = now;
  }

  verdict(code: number, at: ObservedDoor | undefined, stage: number, detail: number): void {
    const kind = NAMES[code]!;
    if (PASSED_OVER.has(kind)) return;
    // A capture may contain packets for other hosts.
    if (kind === "address" && !this.#knocks.has(this.#key)) return;
    const [door, of] = [at?.ref.name, at?.ref.knocks ?? 0];
    const knocker = this.#source;
    const verdict = { at: this.#now, knocker, kind, door, stage, of, times: 1, knock: undefined };
    if (!isOfCode(code)) {
      this.#tell(knocker, verdictLine({ ...verdict, detail }));
      return;
    }
    const { client, value } = splitCodeDetail(detail);
    this.#tell(knocker, verdictLine({ ...verdict, detail: value, client: at?.codes?.clients[client]?.name }));
  }
}
