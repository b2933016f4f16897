// What a host's own firewall does with a new connection to one of its ports, as far as its rules say so: the connection of
// somebody far away, through an interface other than lo. Rules that cannot be judged from outside leave both open.

/** Which ends are possible. */
export interface PortVerdict {
  readonly accepts: boolean;
  readonly refuses: boolean;
}

export interface PortAsked {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  /** Over IPv6; over IPv4 when it is left out. */
  readonly ipv6?: boolean;
  /** Of the packet; 0, as it comes from the wire, when it is left out. */
  readonly mark?: number;
}

/** Does a rule's condition hold for that connection? */
export type Match = "yes" | "no" | "maybe";
/** `next`: the rule behind it decides. */
export type End = "accept" | "refuse" | "return" | "next";

export const isTrue = (holds: boolean): Match => (holds ? "yes" : "no");
export const inverted = (match: Match): Match => (match === "yes" ? "no" : match === "no" ? "yes" : "maybe");

/** All of them hold. */
export function all(matches: readonly Match[]): Match {
  return matches.includes("no") ? "no" : matches.includes("maybe") ? "maybe" : "yes";
}

/** The ends of a chain, whose rules are a match and the ends of its target each, in order. */
export function endsOfChain(rules: Iterable<readonly [match: Match, ends: ReadonlySet<End>]>): Set<End> {
  const found = new Set<End>();
  for (const [match, ends] of rules) {
    if (match === "no") continue;
    for (const end of ends) if (end !== "next") found.add(end);
    if (match === "yes" && !ends.has("next")) return found;
  }
  return found.add("next");
}

/** A packet that passes one base chain meets the next one; one that is refused is gone. */
export function together(verdicts: readonly PortVerdict[]): PortVerdict {
  return {
    accepts: verdicts.every(({ accepts }) => accepts),
    refuses: verdicts.some(({ refuses }) => refuses),
  };
}
