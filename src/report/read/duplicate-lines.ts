// Recognises a packet that two rules logged: the same fields after different prefixes, within a second.

import type { PacketLine, SourceKey } from "./packet-line.ts";
import type { Prefix } from "./prefixes.ts";

/** The maximum of lines about other packets, handled by other processors, in between. */
const REMEMBERED = 16;
const WITHIN_S = 1;

type Packet = Pick<PacketLine, "source" | "begin">;

export class DuplicateLines {
  readonly #packets: { prefix: Prefix; source: SourceKey; fields: string; time: number }[] = [];
  #next = 0;

  /** Was this packet seen with another prefix? If not, remembers it. */
  has(prefix: Prefix, { source, begin }: Packet, message: string, time: number): boolean {
    const mark = message.indexOf(" MARK=", begin); // one of the two rules may have set it
    const fields = message.slice(begin, mark < 0 ? message.length : mark).trimEnd();
    for (const one of this.#packets) {
      if (one.prefix === prefix || one.source !== source) continue;
      if (Math.abs(time - one.time) <= WITHIN_S && one.fields === fields) return true;
    }
    this.#packets[this.#next] = { prefix, source, fields, time };
    this.#next = (this.#next + 1) % REMEMBERED;
    return false;
  }
}
