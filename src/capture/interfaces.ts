// Which interfaces `Interface` and -i mean, on this machine as it is now.
//   eth0,wlan0   these, by their names or alternative names     ppp*   all whose names begin so
//   eth0:0       eth0, but only at the addresses of this alias  eth0:*   of all its aliases
//   auto         those of the default routes                    any   all in one

import { isIpv4, parseAddress } from "../net/address.ts";
import { AddressSet } from "../net/address-set.ts";
import type { Link, Snapshot } from "../platform/native.ts";

/** libpcap's name for all interfaces together. */
export const ANY = "any";
export const AUTO = "auto";

/** What there is to listen at, and what is waited for. */
export interface Chosen {
  /** Names of links that are up, of aliases on them, or `any` alone; each once. */
  readonly present: readonly string[];
  /** The words of the specification that mean nothing that is up now, and why. */
  readonly missing: ReadonlyMap<string, string>;
}

/** One thing that a word means. */
interface Meant {
  readonly name: string;
  readonly link: Link;
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
  if (words.length !== 1 || words[0] === AUTO || words[0] === ANY) return false;
  const { base, alias = "" } = parts(words[0]!);
  return !base.endsWith("*") && !alias.endsWith("*");
}

export function choose(words: readonly string[], snapshot: Snapshot): Chosen {
  if (words.includes(ANY)) return { present: [ANY], missing: new Map() };
  const present = new Map<string, Link>();
  const missing = new Map<string, string>();
  for (const word of words) {
    const meant = meantBy(word, snapshot);
    const ups = meant.filter(({ link }) => link.up);
    if (ups.length === 0) missing.set(word, whyMissing(word, meant));
    for (const { name, link } of ups) present.set(name, link);
  }
  // An alias adds nothing to an interface that is listened at as a whole.
  return { present: [...present.keys()].filter((name) => !isAlias(name) || !present.has(linkName(name))), missing };
}

/** By what names the interfaces that a word means are listened at, also those that are down. */
export function namesOf(word: string, snapshot: Snapshot): readonly string[] {
  return meantBy(word, snapshot).map(({ name }) => name);
}

/** In words for people: an interface that is down need not be looked for. */
function whyMissing(word: string, meant: readonly Meant[]): string {
  if (meant.length > 0) return "it is down";
  return word === AUTO ? "there is no default route" : "there is no such interface";
}

function meantBy(word: string, snapshot: Snapshot): Meant[] {
  const { base, alias } = parts(word);
  const links = snapshot.links.filter((link) => isMeant(base, alias === undefined, link, snapshot));
  if (alias === undefined) return links.map((link) => ({ name: link.name, link }));
  // An alias comes and goes with its address: it is listened at before it has one, as 0.8 does.
  if (!alias.endsWith("*")) return links.map((link) => ({ name: `${link.name}:${alias}`, link }));
  return links.flatMap((link) => {
    const labels = snapshot.addresses.flatMap(({ index, label }) => (index === link.index && label ? [label] : []));
    const begin = `${link.name}:${alias.slice(0, -1)}`;
    return [...new Set(labels)].filter((label) => label.startsWith(begin)).map((label) => ({ name: label, link }));
  });
}

function isMeant(base: string, whole: boolean, { name, index, altnames = [] }: Link, { defaults }: Snapshot): boolean {
  if (whole && base === AUTO) return defaults.includes(index);
  if (base.endsWith("*")) return name.startsWith(base.slice(0, -1));
  return name === base || altnames.includes(base);
}

/** Linux has no colon in an interface's name: what comes behind is an alias. */
function parts(word: string): { base: string; alias: string | undefined } {
  const colon = word.indexOf(":");
  if (colon < 0) return { base: word, alias: undefined };
  return { base: word.slice(0, colon), alias: word.slice(colon + 1) };
}

export function isAlias(name: string): boolean {
  return parts(name).alias !== undefined;
}

/** Of an alias, without it. */
export function linkName(name: string): string {
  return parts(name).base;
}

/** Of one that is listened at; undefined when it is gone. */
export function linkOf(name: string, { links }: Snapshot): Link | undefined {
  return links.find((link) => link.name === linkName(name));
}

/** Of its link; 0 for `any`. */
export function indexOf(name: string, snapshot: Snapshot): number {
  return linkOf(name, snapshot)?.index ?? 0;
}

/** Of one interface, of an alias (IPv6 has none), or of all for `any`. */
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
