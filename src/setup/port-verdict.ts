// What the rules of a host's own firewall do with a new connection to one of its ports, from a client on the Internet and
// through an interface other than lo. If a rule cannot be judged from its text, both ends stay possible.

/** Which ends are possible. */
export interface PortVerdict {
  readonly accepts: boolean;
  readonly refuses: boolean;
}

export interface PortAsked {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  /** Over IPv6? The default is IPv4. */
  readonly ipv6?: boolean;
  /** The mark of the packet. The default is 0, as packets come from the wire. */
  readonly mark?: number;
}

/** Does the condition of a rule hold for this connection? */
export type Match = "yes" | "no" | "maybe";
/** `next`: the next rule decides. */
export type End = "accept" | "refuse" | "return" | "next";

export const isTrue = (holds: boolean): Match => (holds ? "yes" : "no");
export const inverted = (match: Match): Match => (match === "yes" ? "no" : match === "no" ? "yes" : "maybe");

/** Do all conditions hold? */
export function all(matches: readonly Match[]): Match {
  return matches.includes("no") ? "no" : matches.includes("maybe") ? "maybe" : "yes";
}

/** The possible ends of a chain. Each rule is its match and the ends of its target, in order. */
export function endsOfChain(rules: Iterable<readonly [match: Match, ends: ReadonlySet<End>]>): Set<End> {
  const found = new Set<End>();
  for (const [match, ends] of rules) {
    if (match === "no") continue;
    for (const end of ends) if (end !== "next") found.add(end);
    if (match === "yes" && !ends.has("next")) return found;
  }
  return found.add("next");
}

/** Combines base chains: a packet that passes one meets the next, and a refused packet is gone. */
export function together(verdicts: readonly PortVerdict[]): PortVerdict {
  return {
    accepts: verdicts.every(({ accepts }) => accepts),
    refuses: verdicts.some(({ refuses }) => refuses),
  };
}
