// Which interfaces `Interface` and -i select on this machine now:
//   eth0,wlan0   these, by name or alternative name             ppp*     all whose names begin with ppp
//   eth0:0       eth0, but only at the addresses of this alias  eth0:*   all aliases of eth0
//   auto         the interfaces of the default routes           any      all interfaces, in one capture

import { isIpv4, parseAddress } from "../net/address.ts";
import { AddressSet } from "../net/address-set.ts";
import type { Link, Snapshot } from "../platform/native.ts";

/** libpcap's name for all interfaces together. */
export const ANY = "any";
export const AUTO = "auto";

/** The interfaces to capture on, and those to wait for. */
export interface Chosen {
  /** The names of links that are up, of aliases on them, or `any` alone. No name twice. */
  readonly present: readonly string[];
  /** The patterns that match nothing that is up now, and why. */
  readonly missing: ReadonlyMap<string, string>;
}

/** One interface or alias that a pattern matches. */
interface Match {
  readonly name: string;
  readonly link: Link;
}

/** The patterns of a specification, none twice. `eth0` if there are none, as in 0.8. */
export function interfaceWords(specification: string): readonly string[] {
  const words = specification
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  return words.length === 0 ? ["eth0"] : [...new Set(words)];
}

/** Is it a single interface name, the only form that 0.8 knows? */
export function isOneName(words: readonly string[]): boolean {
  if (words.length !== 1 || words[0] === AUTO || words[0] === ANY) return false;
  const { base, alias = "" } = parts(words[0]!);
  return !base.endsWith("*") && !alias.endsWith("*");
}

export function choose(words: readonly string[], snapshot: Snapshot): Chosen {
  if (words.includes(ANY)) return { present: [ANY], missing: new Map() };
  const present = new Map<string, Link>();
  const missing = new Map<string, string>();
  for (const word of words) {
    const matches = matchesOf(word, snapshot);
    const ups = matches.filter(({ link }) => link.up);
    if (ups.length === 0) missing.set(word, whyMissing(word, matches));
    for (const { name, link } of ups) present.set(name, link);
  }
  // An alias adds nothing if its whole interface is captured.
  return { present: [...present.keys()].filter((name) => !isAlias(name) || !present.has(linkName(name))), missing };
}

/** The names of all interfaces that the pattern matches, including those that are down. */
export function namesOf(word: string, snapshot: Snapshot): readonly string[] {
  return matchesOf(word, snapshot).map(({ name }) => name);
}

/** The reason as text for the user. */
function whyMissing(word: string, matches: readonly Match[]): string {
  if (matches.length > 0) return "it is down";
  return word === AUTO ? "there is no default route" : "there is no such interface";
}

function matchesOf(word: string, snapshot: Snapshot): Match[] {
  const { base, alias } = parts(word);
  const links = snapshot.links.filter((link) => isMatch(base, alias === undefined, link, snapshot));
  if (alias === undefined) return links.map((link) => ({ name: link.name, link }));
  // An alias comes and goes with its address. As in 0.8, knockd listens before the address exists.
  if (!alias.endsWith("*")) return links.map((link) => ({ name: `${link.name}:${alias}`, link }));
  return links.flatMap((link) => {
    const labels = snapshot.addresses.flatMap(({ index, label }) => (index === link.index && label ? [label] : []));
    const begin = `${link.name}:${alias.slice(0, -1)}`;
    return [...new Set(labels)].filter((label) => label.startsWith(begin)).map((label) => ({ name: label, link }));
  });
}

function isMatch(base: string, whole: boolean, { name, index, altnames = [] }: Link, { defaults }: Snapshot): boolean {
  if (whole && base === AUTO) return defaults.includes(index);
  if (base.endsWith("*")) return name.startsWith(base.slice(0, -1));
  return name === base || altnames.includes(base);
}

/** A Linux interface has no colon in its name, so what follows a colon is an alias. */
function parts(word: string): { base: string; alias: string | undefined } {
  const colon = word.indexOf(":");
  if (colon < 0) return { base: word, alias: undefined };
  return { base: word.slice(0, colon), alias: word.slice(colon + 1) };
}

export function isAlias(name: string): boolean {
  return parts(name).alias !== undefined;
}

/** Removes the alias from a name. */
export function linkName(name: string): string {
  return parts(name).base;
}

/** The link of a captured interface. Undefined if it no longer exists. */
export function linkOf(name: string, { links }: Snapshot): Link | undefined {
  return links.find((link) => link.name === linkName(name));
}

/** The index of its link. 0 for `any`. */
export function indexOf(name: string, snapshot: Snapshot): number {
  return linkOf(name, snapshot)?.index ?? 0;
}

/** The addresses of an interface, of an alias (which has no IPv6 addresses), or of all interfaces for `any`. */
export function ownAddresses(name: string, snapshot: Snapshot, onlyIpv4: boolean): AddressSet {
  const index = linkOf(name, snapshot)?.index;
  const own = snapshot.addresses
    .filter((one) => name === ANY || (one.index === index && (!isAlias(name) || one.label === name)))
    .map(({ address }) => parseAddress(address)!);
  const notClients = snapshot.addresses.flatMap(({ address, broadcast }) => [address, broadcast ?? address]);
  return new AddressSet(
    onlyIpv4 ? own.filter(isIpv4) : own,
    [...new Set(notClients)].map((text) => parseAddress(text)!),
  );
}
