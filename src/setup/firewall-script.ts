// A shell script that closes the port of a built-in door and opens it again: for the trial's other scripts, and at each
// boot for the rule that accepts the mark. The gate's table is knockd's own; `nft` and knockctl can both remove it.

import { type FirewallPlan, MARK, PATH } from "./firewall.ts";
import { markFunctions } from "./mark-rule.ts";
import { quote } from "./trial-paths.ts";

/** The commands that run the programs. */
export interface Programs {
  readonly knockd: readonly string[];
  readonly knockctl: readonly string[];
}

/**
 * The script that `sh FILE close|open|is-closed|restore CONFIG` runs. Each action may be repeated. `open` removes knockd's
 * whole table, so no daemon may own it then. It needs only nft, or otherwise knockctl.
 */
export function firewallScript(
  plan: FirewallPlan,
  port: number,
  config: string,
  { knockd, knockctl }: Programs,
): string {
  const words = (argv: readonly string[]) => argv.map(quote).join(" ");
  const mark = plan.place === undefined ? "" : markFunctions(plan.place, MARK);
  const [add, remove, has] = mark === "" ? ["", "", ""] : ["add_rule && ", "remove_rule; ", "has_rule && "];
  return `#!/bin/sh
# Written by knockctl init. Closes TCP port ${port} to clients that have not knocked, or undoes that.
#   sh FILE close|open|is-closed|restore CONFIG
# Open sessions stay open. It touches no rule of anyone else.
PATH=${PATH}
${mark}case $1 in
  close) ${add}{ ${words(knockctl)} gate show tcp/${port} >/dev/null 2>&1 || exec ${words(knockd)} --gate -c ${quote(config)}; } ;;
  # knockctl is for a host without nft, and for a knockd that still runs. Before Linux 6.9, such a knockd has a backstop and
  # would build the table again.
  open) ${remove}{ ! nft list table inet knockd_backstop && nft delete table inet knockd; } >/dev/null 2>&1 ||
    exec ${words(knockctl)} gate open ;;
  restore) exec ${words(knockd)} --gate -c "$2" ;;
  is-closed) ${has}exec ${words(knockctl)} gate show tcp/${port} >/dev/null ;;
esac
`;
}
