// `TCPFlags = syn,!ack` as two masks over the flags byte of the TCP header (RFC 9293 3.1).

export interface TcpFlags {
  /** Bits that must be set. */
  readonly set: number;
  /** Bits that must be clear. */
  readonly clear: number;
}

export const TCP_FLAG_BITS = { fin: 0x01, syn: 0x02, rst: 0x04, psh: 0x08, ack: 0x10, urg: 0x20 } as const;

/** The flags of a door without TCPFlags: any segment matches. */
export const ANY_FLAGS: TcpFlags = { set: 0, clear: 0 };

/**
 * Adds the flags of a text to `before`, because several TCPFlags lines add up. Of `ack` and `!ack`, the last one counts.
 * Throws an Error that names a wrong flag.
 */
export function addTcpFlags(before: TcpFlags, text: string): TcpFlags {
  let { set, clear } = before;
  for (const element of text.split(",")) {
    const flag = element.trim(); // 0.8 refused the blank of `syn, ack`
    const name = flag.replace(/^!/, "").toLowerCase();
    if (!Object.hasOwn(TCP_FLAG_BITS, name)) throw new Error(`unrecognized flag "${flag.toUpperCase()}"`);
    const bit = TCP_FLAG_BITS[name as keyof typeof TCP_FLAG_BITS];
    const negated = flag.startsWith("!");
    set = negated ? set & ~bit : set | bit;
    clear = negated ? clear | bit : clear & ~bit;
  }
  return { set, clear };
}

/** The text of flags, such as `syn,!ack`. Empty for any flags. */
export function formatTcpFlags({ set, clear }: TcpFlags): string {
  return Object.entries(TCP_FLAG_BITS)
    .flatMap(([name, bit]) => (set & bit ? [name] : clear & bit ? [`!${name}`] : []))
    .join(",");
}

export function flagsMatch(wanted: TcpFlags, flags: number): boolean {
  return (flags & wanted.set) === wanted.set && (flags & wanted.clear) === 0;
}
