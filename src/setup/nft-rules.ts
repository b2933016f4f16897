// What the rules of `nft -j list ruleset` do with a new connection to a port of this host.

import {
  all,
  type End,
  endsOfChain,
  inverted,
  isTrue,
  type Match,
  type PortAsked,
  type PortVerdict,
  together,
} from "./port-verdict.ts";

type Json = { readonly [key: string]: unknown };
interface Chain extends Json {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook?: string;
  readonly policy?: string;
}

/** Our own table, which is not part of the user's firewall. */
const KNOCKD = "inet knockd";
const SYN = 2;
const FLAGS: Readonly<Record<string, number>> = {
  fin: 1,
  syn: SYN,
  rst: 4,
  psh: 8,
  ack: 16,
  urg: 32,
  ecn: 64,
  cwr: 128,
};

/**
 * Judges only tables that iptables does not own: `iptables -S` shows what the others do. Undefined if `json` is not the output
 * of nft.
 */
export function nftVerdict(json: string, asked: PortAsked): PortVerdict | undefined {
  let objects: readonly Json[];
  try {
    objects = JSON.parse(json).nftables;
  } catch {
    return undefined;
  }
  const rules = new Map<string, (readonly Json[])[]>();
  for (const { rule } of objects as readonly { rule?: Chain & { chain: string; expr: readonly Json[] } }[]) {
    if (rule === undefined) continue;
    const key = `${rule.family} ${rule.table} ${rule.chain}`;
    rules.set(key, [...(rules.get(key) ?? []), rule.expr]);
  }
  const bases = objects.flatMap(({ chain }) => {
    const { family, table, name, hook } = (chain ?? {}) as Chain;
    const isInput =
      hook === "input" &&
      (family === (asked.ipv6 ? "ip6" : "ip") || family === "inet") &&
      `${family} ${table}` !== KNOCKD;
    return isInput && name !== "INPUT" ? [chain as Chain] : [];
  });
  return together(
    bases.map(({ family, table, name, policy }) => {
      const ends = new Chains(rules, `${family} ${table}`, asked).ends(name);
      if (ends.has("next") || ends.has("return")) ends.add(policy === "drop" ? "refuse" : "accept");
      return { accepts: ends.has("accept"), refuses: ends.has("refuse") };
    }),
  );
}

/** The chains of one table. */
class Chains {
  readonly #rules: ReadonlyMap<string, readonly (readonly Json[])[]>;
  readonly #table: string;
  readonly #asked: PortAsked;

  constructor(rules: ReadonlyMap<string, readonly (readonly Json[])[]>, table: string, asked: PortAsked) {
    this.#rules = rules;
    this.#table = table;
    this.#asked = asked;
  }

  ends(chain: string): Set<End> {
    return endsOfChain(
      (this.#rules.get(`${this.#table} ${chain}`) ?? []).map(
        (expr) => [this.#match(expr), this.#target(expr)] as const,
      ),
    );
  }

  #match(expr: readonly Json[]): Match {
    return all(
      expr.map((one): Match => {
        if ("match" in one) {
          const { op, left, right } = one.match as Json;
          const holds = compare(left as Json, right, this.#asked);
          return op === "!=" ? inverted(holds) : op === "==" || op === "in" ? holds : "maybe";
        }
        return "limit" in one || "xt" in one || "lookup" in one ? "maybe" : "yes";
      }),
    );
  }

  #target(expr: readonly Json[]): ReadonlySet<End> {
    const vmap = expr.find((one) => "vmap" in one)?.vmap as { key: Json; data: unknown } | undefined;
    if (vmap !== undefined) return this.#mapped(vmap.key, vmap.data);
    return this.#verdict(expr.at(-1) ?? {});
  }

  /** The possible ends of one statement, such as `{ "jump": { "target": "x" } }`. */
  #verdict(one: Json): ReadonlySet<End> {
    if ("accept" in one) return new Set(["accept"]);
    if ("drop" in one || "reject" in one) return new Set(["refuse"]);
    if ("return" in one) return new Set(["return"]);
    if ("queue" in one) return new Set(["accept", "refuse"]);
    const target = ((one.jump ?? one.goto) as { target: string } | undefined)?.target;
    if (target === undefined) return new Set(["next"]);
    const ends = this.ends(target);
    if (ends.delete("return")) ends.add("next");
    if ("goto" in one && ends.delete("next")) ends.add("return");
    return ends;
  }

  #mapped(key: Json, data: unknown): ReadonlySet<End> {
    const pairs = (data as { set?: readonly (readonly [unknown, Json])[] }).set;
    if (pairs === undefined) return new Set(["accept", "refuse", "next"]);
    const ends = endsOfChain(
      pairs.map(([value, verdict]) => [compare(key, value, this.#asked), this.#verdict(verdict)] as const),
    );
    return ends;
  }
}

/** Does the left side equal the right side, or is it in its set or range? */
function compare(left: Json, right: unknown, asked: PortAsked): Match {
  const payload = left.payload as { protocol?: string; field?: string } | undefined;
  if (payload !== undefined) return ofPayload(payload, right, asked);
  const meta = (left.meta as { key?: string } | undefined)?.key;
  switch (meta) {
    case "l4proto":
      return isOneOf(right, (one) => isTrue(one === asked.protocol));
    case "nfproto":
    case "protocol":
      return isOneOf(right, (one) =>
        isTrue(asked.ipv6 ? one === "ipv6" || one === "ip6" : one === "ipv4" || one === "ip"),
      );
    case "iif":
    case "iifname":
      return isOneOf(right, (one) => (one === "lo" ? "no" : "maybe"));
    case "pkttype":
      return isOneOf(right, (one) => isTrue(one === "host" || one === "unicast"));
    case "mark":
      return isOneOf(right, (one) => isTrue(one === (asked.mark ?? 0)));
  }
  const conntrack = (left.ct as { key?: string } | undefined)?.key;
  if (conntrack === "state") return isOneOf(right, (one) => isTrue(one === "new"));
  // A new connection to a port of this host has none yet, such as firewalld's "dnat".
  if (conntrack === "status") return isOneOf(right, () => "no");
  if (left.fib !== undefined && (left.fib as Json).result === "type")
    return isOneOf(right, (one) => isTrue(one === "local"));
  const [number, wanted] = [numberOf(left, asked), numberOf(right, asked)];
  return number === undefined || wanted === undefined ? "maybe" : isTrue(number === wanted);
}

function ofPayload(
  { protocol, field }: { protocol?: string; field?: string },
  right: unknown,
  asked: PortAsked,
): Match {
  if (protocol === "tcp" || protocol === "udp" || protocol === "th") {
    if (protocol !== "th" && protocol !== asked.protocol) return "no";
    if (field === "dport") return isOneOf(right, (one) => isTrue(one === asked.port), asked.port);
    if (field === "flags") return isOneOf(right, (one) => isTrue(one === "syn"));
    return "maybe";
  }
  if (protocol === "icmp" || protocol === "icmpv6" || protocol === (asked.ipv6 ? "ip" : "ip6")) return "no";
  if (protocol !== "ip" && protocol !== "ip6") return "maybe";
  if (field === "protocol" || field === "nexthdr") return isOneOf(right, (one) => isTrue(one === asked.protocol));
  // A client on the Internet has none of the addresses that a rule names.
  return field === "saddr" ? isOneOf(right, (one) => isTrue((one as { prefix?: Json })?.prefix?.len === 0)) : "maybe";
}

/** `range` is the number to look for in ranges. */
function isOneOf(right: unknown, is: (one: unknown) => Match, range?: number): Match {
  if (typeof right === "string" && right.startsWith("@")) return "maybe";
  const ones = Array.isArray(right) ? right : ((right as { set?: readonly unknown[] } | null)?.set ?? [right]);
  const matches = ones.map((one: unknown): Match => {
    const [low, high] = (one as { range?: readonly [unknown, unknown] } | null)?.range ?? [];
    if (low !== undefined && range !== undefined) return isTrue(range >= Number(low) && range <= Number(high));
    return is((one as { elem?: { val: unknown } } | null)?.elem?.val ?? one);
  });
  return inverted(all(matches.map(inverted)));
}

/** The number that an expression of marks or flags gives: `meta mark and 0x100000`, `tcp flags and (fin | syn)`. */
function numberOf(value: unknown, asked: PortAsked): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "string") return FLAGS[value];
  if (Array.isArray(value)) return sum(value, asked);
  const { "&": both, "|": either, meta, payload } = (value ?? {}) as Json;
  if (Array.isArray(both)) {
    const [a, b] = both.map((one) => numberOf(one, asked));
    return a === undefined || b === undefined ? undefined : (a & b) >>> 0;
  }
  if (Array.isArray(either)) return sum(either, asked);
  if ((meta as Json | undefined)?.key === "mark") return asked.mark ?? 0;
  const isFlags = (payload as Json | undefined)?.field === "flags" && asked.protocol === "tcp";
  return isFlags ? SYN : undefined;
}

function sum(values: readonly unknown[], asked: PortAsked): number | undefined {
  return values.reduce<number | undefined>((all, one) => {
    const number = numberOf(one, asked);
    return all === undefined || number === undefined ? undefined : all | number;
  }, 0);
}
