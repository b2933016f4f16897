// Decides which commands must not run side by side. A tool that keeps its rules in a file, such as ufw, reads, changes and
// writes the file. Two at once would lose changes.

import { FIREWALLS, programsOf } from "./programs.ts";

/** The words that a command reserves while it runs, each for one command at a time. `all`: every word. */
export type Exclusion = readonly string[] | "all";

/** Safe: the kernel serialises their changes, or they change nothing. */
const SAFE = new Set(
  `iptables ip6tables iptables-legacy ip6tables-legacy iptables-nft ip6tables-nft nft ipset echo logger
  : [ test true false sleep wait printf date exit return break continue cd export unset set umask shift local readonly
  read exec`.split(/\s+/),
);
/** Begins the word of a file that a command appends to. Others may append too, but none may rewrite the file meanwhile. */
const APPENDS = ">>";

/** The firewall tools that a script calls, as far as its text shows (script-tools.ts). `path` as a command line has it. */
export type ToolsOf = (path: string) => readonly string[];

/**
 * `parallel`: the door's Parallel. Undefined: the programs decide. Then an unsafe command does not run beside one of the same
 * program, nor beside another unsafe command of its door: start and stop command may be two scripts that change one file.
 */
export function exclusionOf(
  command: string,
  door: string,
  parallel: boolean | undefined,
  toolsOf: ToolsOf = () => [],
): Exclusion {
  if (parallel !== undefined) return parallel ? [] : "all";
  const programs = programsOf(command);
  if (programs === undefined) return "all";
  const unsafe = programs
    .filter(({ name, overwrites }) => overwrites.length > 0 || !SAFE.has(name))
    .flatMap(({ name, path, given, overwrites }) => [
      ...[name, ...given, ...overwrites],
      ...(SAFE.has(name) || FIREWALLS.has(name) ? [] : toolsOf(path)),
    ]);
  const appended = programs.flatMap(({ appends }) => appends.map((file) => APPENDS + file));
  const words = unsafe.length === 0 ? appended : [...unsafe, `/${door}`, ...appended]; // no file's name has a slash
  return [...new Set(words)];
}

/** May the two not run side by side? */
export function exclude(a: Exclusion, b: Exclusion): boolean {
  if (a === "all") return b === "all" || b.some((word) => !word.startsWith(APPENDS));
  if (b === "all") return exclude(b, a);
  return a.some((word) =>
    word.startsWith(APPENDS) ? b.includes(word.slice(APPENDS.length)) : b.includes(word) || b.includes(APPENDS + word),
  );
}
