// Distinguishes a retransmission from a new knock that looks like an earlier one.
// A client's system that gets no answer sends the same SYN again. That is the same knock, even if its attempt is over. 0.8
// takes it for a wrong knock. Tools that build their own headers (scapy, hping3, nping, shell scripts) send the same segment
// for each knock on a port, and each one counts. These facts distinguish them:
// - A system draws a new sequence number for each connection (RFC 6528), and uses another source port. A client whose segments
//   share one of these builds its own headers. The default sequence number of such headers is 0.
// - A system sends again after 1, 3, 7 … seconds, some after 3, 9, 21, or after half a second if the port was closed.

import type { AttemptTable } from "./attempt-table.ts";
import type { CurrentPacket } from "./current-packet.ts";
import { HORIZON_MS, type Retransmissions, sharesSourcePort } from "./retransmissions.ts";

/** The first retransmission comes within this time or never. */
const FIRST_MS = 4000;
/** Each pause is twice the last one. If one copy is lost on the way, the pause is at most four times the whole time before. */
const GROWTH = 4;
/** No system sends again sooner. */
const SOONEST_MS = 450;

export class Repeats {
  readonly #table: AttemptTable;
  readonly #retransmissions: Retransmissions;

  constructor(table: AttemptTable, retransmissions: Retransmissions) {
    this.#table = table;
    this.#retransmissions = retransmissions;
  }

  /**
   * Is this segment, which has a fingerprint, a retransmission? The live attempts of its source must have been collected. A
   * new segment of a flood loses its fingerprint, because it would overwrite those of other segments.
   */
  isOne(current: CurrentPacket): boolean {
    const { hash, print, now } = current;
    const place = this.#retransmissions.find(hash, print, now);
    current.isRemembered = place >= 0;
    if (place >= 0 || this.#isLastKnock(current)) return this.#isSentAgain(current, place);
    if (this.#retransmissions.isFlood(hash, now)) current.print = 0;
    return false; // nearly all packets end here
  }

  /** Is it equal to the last knock of a live attempt? */
  #isLastKnock({ print, count }: CurrentPacket): boolean {
    const { collected, pool } = this.#table;
    for (let i = 0; i < count; i++) if (pool.fingerprint(collected[i]!) === print) return true;
    return false;
  }

  /** An equal segment has come before. Is this one a retransmission? `place`: where it is remembered, or negative. */
  #isSentAgain(current: CurrentPacket, place: number): boolean {
    const { packet, print, hash, count, now } = current;
    const { collected, pool } = this.#table;
    const memory = this.#retransmissions;
    let sinceLast = place >= 0 ? memory.sinceLast(place, now) : Number.POSITIVE_INFINITY;
    for (let i = 0; place < 0 && i < count; i++) {
      if (pool.fingerprint(collected[i]!) === print)
        sinceLast = Math.min(sinceLast, pool.sinceKnock(collected[i]!, now));
    }
    if (sinceLast > HORIZON_MS) return false;
    const span = place >= 0 ? memory.span(place) : 0;
    if (
      sinceLast <= FIRST_MS + GROWTH * span &&
      !this.#isHandMade(current) &&
      !(sinceLast < SOONEST_MS && this.#isAwaited(current))
    ) {
      memory.repeat(hash, print, now, packet, sinceLast);
      return true;
    }
    if (place >= 0) memory.restart(place, now);
    for (let i = 0; i < count; i++)
      if (pool.fingerprint(collected[i]!) === print) pool.touch(collected[i]!, now, packet.sequence);
    return false;
  }

  /** Do other segments of its source share its source port or its sequence number? */
  #isHandMade({ packet, print, hash, count, now }: CurrentPacket): boolean {
    const { collected, pool } = this.#table;
    for (let i = 0; i < count; i++) {
      const slot = collected[i]!;
      const other = pool.fingerprint(slot);
      if (other === 0 || other === print || pool.sinceKnock(slot, now) > HORIZON_MS) continue;
      const port = this.#table.lastPort(slot);
      if (sharesSourcePort(packet, other)) return true;
      if (pool.sequence(slot) === packet.sequence && port !== packet.port) return true;
    }
    return this.#retransmissions.hasSiblings(hash, packet, print, now);
  }

  /** Is it the next knock of a live attempt? */
  #isAwaited({ key, count, now }: CurrentPacket): boolean {
    const { collected, pool, expiry } = this.#table;
    for (let i = 0; i < count; i++) {
      const state = this.#table.state(collected[i]!);
      if (state.knocks[pool.stage(collected[i]!)] === key && !expiry.expired(collected[i]!, state.timeouts, now))
        return true;
    }
    return false;
  }
}
