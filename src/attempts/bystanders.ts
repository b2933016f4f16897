// Packets that are no knock: of no door, or of none that hears them. They mean something only of a source in the middle of
// a sequence.

import type { Address } from "../net/address.ts";
import type { Packet } from "../net/packet.ts";
import type { Ear } from "./ears.ts";
import type { Endings } from "./endings.ts";
import type { KnockEvent } from "./event.ts";
import type { Hearer } from "./hearer.ts";
import type { Knockers } from "./knockers.ts";
import type { Scans } from "./scans.ts";
import { NONE } from "./slots.ts";
import { FATE } from "./witness.ts";

export interface BystandersOptions {
  readonly isOurs: (address: Address) => boolean;
  readonly isStray: (packet: Packet) => boolean;
  readonly isAnswer: (packet: Packet) => boolean;
}

/** What has become of one. */
export interface Outcome {
  /** Undefined: nothing that the witness wants to know. */
  readonly fate: number | undefined;
  /** Of a scan. */
  readonly ports: number;
  readonly event: KnockEvent | undefined;
}

const outcome = (fate: number | undefined): Outcome => ({ fate, ports: 0, event: undefined });
// Made once: in a flood each packet is one.
const [OTHER, ADDRESS, FLAGS, ANSWER, STRAY, SILENCE] = [
  outcome(FATE.other),
  outcome(FATE.address),
  outcome(FATE.flags),
  outcome(FATE.answer),
  outcome(FATE.stray),
  outcome(undefined),
];

export class Bystanders {
  readonly #knockers: Knockers;
  readonly #scans: Scans;
  readonly #hearer: Hearer;
  readonly #endings: Endings;
  readonly #options: BystandersOptions;

  constructor(knockers: Knockers, scans: Scans, hearer: Hearer, endings: Endings, options: BystandersOptions) {
    this.#knockers = knockers;
    this.#scans = scans;
    this.#hearer = hearer;
    this.#endings = endings;
    this.#options = options;
  }

  /** `ear`: of a knock that no door hears. */
  judge(packet: Packet, ear: Ear | undefined, hash: number, now: number): Outcome {
    const count = this.#gather(packet.source, hash);
    if (count < 0 || !this.#scans.isMinded(packet, hash, count)) return this.#why(packet, ear);
    if (!this.#options.isStray(packet)) return ear === undefined ? SILENCE : this.#why(packet, ear);
    // Known again when their attempts are void.
    for (let i = 0; i < count; i++) this.#endings.rememberLast(this.#knockers.mine[i]!, hash, now);
    const { ports, event } = this.#scans.touch(packet, hash, count, now);
    if (ports > 0) return { fate: FATE.scan, ports, event };
    return ear === undefined ? STRAY : this.#why(packet, ear); // that says more
  }

  /** How many live attempts it has; -1 when nothing of it is under way. */
  #gather(source: Address, hash: number): number {
    const { slots } = this.#knockers;
    if (slots.live > 0 && slots.first(hash, source) !== NONE) return this.#knockers.gather(source, hash);
    return this.#scans.haste.has(hash) ? 0 : -1;
  }

  #why(packet: Packet, ear: Ear | undefined): Outcome {
    if (ear === undefined) return this.#options.isOurs(packet.destination) ? OTHER : ADDRESS;
    if (this.#options.isAnswer(packet)) return ANSWER;
    return this.#hearer.whyNot(ear.hearings, packet) === FATE.flags ? FLAGS : ADDRESS;
  }
}
