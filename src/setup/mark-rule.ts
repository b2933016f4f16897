// The one rule that accepts knockd's mark in the user's own firewall: its place, and a script that adds and removes it. Its
// comment distinguishes it from the user's rules.

import type { FirewallTools } from "./firewall-tools.ts";

export type MarkPlace =
  | { readonly tables: "iptables"; readonly programs: readonly string[] }
  | { readonly tables: "nft"; readonly chain: string };

type Look = (argv: readonly string[]) => { readonly stdout: string };

/** The place of the rule. Undefined if there is no single place for it. */
export function markPlace({ plain }: FirewallTools, ipv6: boolean, look: Look): MarkPlace | undefined {
  const [kind] = plain;
  if (kind !== "nft") return kind && { tables: "iptables", programs: ipv6 ? ["iptables", "ip6tables"] : ["iptables"] };
  const chains = inputChains(look(["nft", "-j", "list", "ruleset"]).stdout);
  // A chain of the family inet sees IPv4 and IPv6.
  const [chain, ...more] = chains;
  return more.length === 0 && chain?.startsWith("inet ") ? { tables: "nft", chain } : undefined;
}

/** The input chains, such as `inet filter input`. */
function inputChains(json: string): string[] {
  const objects = JSON.parse(json).nftables as readonly { readonly chain?: Record<string, string> }[];
  return objects.flatMap(({ chain }) => {
    if (chain?.hook !== "input" || chain.name === "INPUT") return [];
    const { family, table, name } = chain;
    return /^[\w.-]+ [\w.-]+ [\w.-]+$/.test(`${family} ${table} ${name}`) ? [`${family} ${table} ${name}`] : [];
  });
}

/** The rule as people read it. */
export function markRule(place: MarkPlace, mark: number): string {
  const hex = `0x${mark.toString(16)}`;
  if (place.tables === "nft")
    return `nft insert rule ${place.chain} meta mark and ${hex} == ${hex} accept comment '"knockd"'`;
  return place.programs.map((program) => `${program} -I INPUT ${iptablesRule(hex)}`).join("\n");
}

function iptablesRule(hex: string): string {
  return `-m mark --mark ${hex}/${hex} -m comment --comment knockd -j ACCEPT`;
}

/** Shell functions: `add_rule`, `remove_rule`, and `has_rule`, whose status says whether the rule exists. */
export function markFunctions(place: MarkPlace, mark: number): string {
  const hex = `0x${mark.toString(16)}`;
  if (place.tables === "nft") {
    return `has_rule() { nft list chain ${place.chain} 2>/dev/null | grep -q 'accept comment "knockd"'; }
add_rule() { has_rule || nft insert rule ${place.chain} meta mark and ${hex} == ${hex} accept comment '"knockd"'; }
remove_rule() {
  nft -a list chain ${place.chain} 2>/dev/null | sed -n 's/.* accept comment "knockd" # handle \\([0-9]*\\)$/\\1/p' |
    while read -r handle; do nft delete rule ${place.chain} handle "$handle"; done
  ! has_rule
}
`;
  }
  const each = `for tables in ${place.programs.join(" ")}; do`;
  return `rule="${iptablesRule(hex)}"
# shellcheck disable=SC2086
has_rule() {
  ${each} "$tables" -w 5 -C INPUT $rule 2>/dev/null || return 1; done
}
# shellcheck disable=SC2086
add_rule() {
  ${each}
    "$tables" -w 5 -C INPUT $rule 2>/dev/null || "$tables" -w 5 -I INPUT 1 $rule || return 1
  done
}
# shellcheck disable=SC2086
remove_rule() {
  ${each}
    for try in 1 2 3 4; do "$tables" -w 5 -D INPUT $rule 2>/dev/null || break; done
    ! "$tables" -w 5 -C INPUT $rule 2>/dev/null || return 1
  done
}
`;
}
