// Which commands may not run side by side: a tool that keeps its rules in a file, as ufw does, reads it, changes it and
// writes it, and what another one has written meanwhile is lost.

import { programsOf } from "./programs.ts";

/** What a command has to itself while it runs: words, each for one at a time; `all`: no other that excludes anything. */
export type Exclusion = readonly string[] | "all";

/** The kernel takes their changes one after the other, or they change nothing. */
const SAFE = new Set(
  `iptables ip6tables iptables-legacy ip6tables-legacy iptables-nft ip6tables-nft nft ipset echo logger
  : [ test true false sleep wait printf date exit return break continue cd export unset set umask shift local readonly
  read exec`.split(/\s+/),
);

/**
 * `parallel`: of the door (Parallel); undefined: it goes by the programs. Then a command whose programs are not known to be
 * safe runs beside none of the same program, and beside no other such command of its door: start and stop command may be
 * two scripts that change one file.
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
