// What the rules of `iptables -S` do with a new connection to a port of this host.

import {
  all,
  type End,
  endsOfChain,
  inverted,
  isTrue,
  type Match,
  type PortAsked,
  type PortVerdict,
} from "./port-verdict.ts";

/** Undefined if `rules` is not the output of iptables. */
export function iptablesVerdict(rules: string, asked: PortAsked): PortVerdict | undefined {
  const policy = /^-P INPUT (\S+)$/m.exec(rules)?.[1];
  if (policy === undefined) return undefined;
  const chains = chainsOf(rules);
  const open = new Set<string>();
  const endsOf = (chain: string): Set<End> => {
    if (open.has(chain)) return new Set(["next"]); // iptables allows no loops
    open.add(chain);
    const ends = endsOfChain(
      (chains.get(chain) ?? []).map((words) => [matchOf(words, asked), targetOf(words, chains, endsOf)] as const),
    );
    open.delete(chain);
    return ends;
  };
  const ends = endsOf("INPUT");
  if (ends.has("next") || ends.has("return")) ends.add(policy === "ACCEPT" ? "accept" : "refuse");
  return { accepts: ends.has("accept"), refuses: ends.has("refuse") };
}

/** The words of each rule, by chain. Contains the chains without rules, too. */
function chainsOf(rules: string): ReadonlyMap<string, readonly (readonly string[])[]> {
  const chains = new Map<string, string[][]>();
  for (const line of rules.split("\n")) {
    const [verb, chain, ...words] = line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
    if (chain === undefined || (verb !== "-A" && verb !== "-N")) continue;
    const before = chains.get(chain) ?? [];
    chains.set(chain, verb === "-A" ? [...before, words] : before);
  }
  return chains;
}

function targetOf(
  words: readonly string[],
  chains: ReadonlyMap<string, unknown>,
  endsOf: (chain: string) => ReadonlySet<End>,
): ReadonlySet<End> {
  const at = words.findIndex((word) => word === "-j" || word === "-g");
  const target = at < 0 ? "" : words[at + 1]!;
  if (target === "ACCEPT") return new Set(["accept"]);
  if (target === "DROP" || target === "REJECT") return new Set(["refuse"]);
  if (target === "RETURN") return new Set(["return"]);
  if (/^(NFQUEUE|QUEUE|SYNPROXY)$/.test(target)) return new Set(["accept", "refuse"]);
  if (!chains.has(target)) return new Set(["next"]); // a target that decides nothing, such as LOG
  const ends = new Set(endsOf(target));
  if (ends.delete("return")) ends.add("next");
  // After -g, a packet returns to the chain that jumped here, not to this one.
  if (words[at] === "-g" && ends.delete("next")) ends.add("return");
  return ends;
}

/** Do the conditions of a rule hold? `words` are its words before the target. */
function matchOf(words: readonly string[], asked: PortAsked): Match {
  const matches: Match[] = [];
  for (let i = 0, not = false; i < words.length && words[i] !== "-j" && words[i] !== "-g"; i++) {
    const option = words[i]!;
    if (option === "!") {
      not = true;
      continue;
    }
    const values: string[] = [];
    while (i + 1 < words.length && !/^(-[a-z]|--[a-z]|!$)/.test(words[i + 1]!)) values.push(words[++i]!);
    const match = option === "-m" || option === "--comment" ? "yes" : condition(option, values, asked);
    matches.push(not ? inverted(match) : match);
    not = false;
  }
  return all(matches);
}

function condition(option: string, values: readonly string[], { protocol, port, mark: own = 0 }: PortAsked): Match {
  const [value = "", second = ""] = values;
  switch (option) {
    case "-p":
      return isTrue(value === protocol || value === "all");
    case "-s":
      return isTrue(value.endsWith("/0")); // a client on the Internet has none of the addresses that a rule names
    case "-i":
      return value === "lo" ? "no" : "maybe";
    case "--dport":
    case "--dports":
      return isTrue(hasPort(value, port));
    case "--ctstate":
    case "--state":
      return isTrue(value.split(",").includes("NEW"));
    case "--tcp-flags":
      return isTrue(protocol === "tcp" && (!value.split(",").includes("SYN") ? second === "NONE" : second === "SYN"));
    case "--mark": {
      const [mark, mask = 0xffff_ffff] = value.split("/").map(Number);
      return isTrue((own & mask) >>> 0 === mark);
    }
    case "--dst-type":
      return isTrue(value.split(",").includes("LOCAL"));
    case "--src-type":
      return isTrue(value.split(",").includes("UNICAST"));
    default:
      return "maybe";
  }
}

function hasPort(list: string, port: number): boolean {
  return list.split(",").some((range) => {
    const [low, high = low] = range.split(":").map(Number);
    return port >= low! && port <= high!;
  });
}
