// Which interfaces `Interface` and -i mean, on this machine as it is now.
//   eth0,wlan0   these    ppp*   all whose names begin so    auto   those of the default routes    any   all in one

import { isIpv4, parseAddress } from "../address.ts";
import type { Link, Snapshot } from "./native.ts";
import { OwnAddresses } from "./own-addresses.ts";

/** libpcap's name for all interfaces together. */
export const ANY = "any";
export const AUTO = "auto";

/** What there is to listen at, and what is waited for. */
export interface Chosen {
  /** Names of links that are up, or `any` alone; each once. */
  readonly present: readonly string[];
  /** The words of the specification that mean nothing that is up now, and why. */
  readonly missing: ReadonlyMap<string, string>;
}

/** The words of a specification, each once. `eth0` when there are none, as 0.8. */
export function interfaceWords(specification: string): readonly string[] {
  const words = specification
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  return words.length === 0 ? ["eth0"] : [...new Set(words)];
}

/** Is it one interface by its name, as 0.8 knows it? */
export function isOneName(words: readonly string[]): boolean {
  return words.length === 1 && words[0] !== AUTO && words[0] !== ANY && !words[0]!.endsWith("*");
}

export function choose(words: readonly string[], snapshot: Snapshot): Chosen {
  if (words.includes(ANY)) return { present: [ANY], missing: new Map() };
  const present = new Set<string>();
  const missing = new Map<string, string>();
  for (const word of words) {
    const meant = snapshot.links.filter((link) => isMeant(word, link, snapshot));
    const links = meant.filter(({ up }) => up);
    if (links.length === 0) missing.set(word, whyMissing(word, meant));
    for (const { name } of links) present.add(name);
  }
  return { present: [...present], missing };
}

/** In words for people: an interface that is down need not be looked for. */
function whyMissing(word: string, meant: readonly Link[]): string {
  if (meant.length > 0) return "it is down";
  return word === AUTO ? "there is no default route" : "it is not there";
}

function isMeant(word: string, { name, index }: Link, { defaults }: Snapshot): boolean {
  if (word === AUTO) return defaults.includes(index);
  return word.endsWith("*") ? name.startsWith(word.slice(0, -1)) : name === word;
}

/** Of one interface, or of all for `any`. */
export function ownAddresses(name: string, { links, addresses }: Snapshot, onlyIpv4: boolean): OwnAddresses {
  const index = links.find((link) => link.name === name)?.index;
  const own = addresses
    .filter((one) => name === ANY || one.index === index)
    .map(({ address }) => parseAddress(address)!);
  return new OwnAddresses(onlyIpv4 ? own.filter(isIpv4) : own);
}
