// Decides which commands must not run side by side. A tool that keeps its rules in a file, such as ufw, reads, changes and
// writes the file. Two at once would lose changes.

import { programsOf } from "./programs.ts";

/** The words that a command reserves while it runs, each for one command at a time. `all`: every word. */
export type Exclusion = readonly string[] | "all";

/** Safe: the kernel serialises their changes, or they change nothing. */
const SAFE = new Set(
  `iptables ip6tables iptables-legacy ip6tables-legacy iptables-nft ip6tables-nft nft ipset echo logger
  : [ test true false sleep wait printf date exit return break continue cd export unset set umask shift local readonly
  read exec`.split(/\s+/),
);

/**
 * `parallel`: the door's Parallel. Undefined: the programs decide. Then an unsafe command does not run beside one of the same
 * program, nor beside another unsafe command of its door: start and stop command may be two scripts that change one file.
 */
export function exclusionOf(command: string, door: string, parallel: boolean | undefined): Exclusion {
  if (parallel !== undefined) return parallel ? [] : "all";
  const programs = programsOf(command);
  if (programs === undefined) return "all";
  const unsafe = programs
    .filter(({ name, overwrites }) => overwrites || !SAFE.has(name))
    .flatMap(({ name, given }) => [name, ...given]);
  return unsafe.length === 0 ? [] : [...new Set(unsafe), `/${door}`]; // no file's name has a slash
}

/** May the two not run side by side? */
export function exclude(a: Exclusion, b: Exclusion): boolean {
  if (a.length === 0 || b.length === 0) return false;
  if (a === "all" || b === "all") return true;
  return a.some((word) => b.includes(word));
}
