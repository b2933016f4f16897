// Which networks may come in without a knock: those that a rule of the firewall now lets in by their address, and the private
// networks of this host.

import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { defaultInterfaces } from "./default-routes.ts";

export interface Lan {
  /** The networks for which the firewall has a rule. */
  readonly byRule: readonly string[];
  readonly own: readonly string[];
}

type Look = (argv: readonly string[]) => { readonly status: number; readonly stdout: string };

export function lanHere(port: number, ipv6: boolean, look: Look): Lan {
  const programs = ipv6 ? ["iptables", "ip6tables"] : ["iptables"];
  const byRule = [
    ...nftSources(look(["nft", "list", "ruleset"]).stdout, port),
    ...programs.flatMap((program) => iptablesSources(look([program, "-S"]).stdout, port)),
  ];
  return { byRule: unique(byRule), own: ownNetworks(networkInterfaces(), defaultInterfaces()) };
}

/** Parses `192.168.1.0/24,fd00::/64`. Undefined if the text is no list of networks. */
export function parseNetworks(text: string): readonly string[] | undefined {
  const networks = text.split(",").map((one) => one.trim());
  return networks.every(isNetwork) ? unique(networks) : undefined;
}

/** From `iptables -S`: the sources of rules that INPUT reaches and that accept new connections to the port. */
export function iptablesSources(rules: string, port: number): readonly string[] {
  const chains = new Map<string, string[][]>();
  for (const line of rules.split("\n")) {
    const [verb, chain, ...words] = line.replace(/"(?:[^"\\]|\\.)*"/g, "text").split(" ");
    if (verb === "-A" && chain !== undefined) chains.set(chain, [...(chains.get(chain) ?? []), words]);
  }
  // The chains of knockd let in clients that have knocked.
  const seen = new Set(["KNOCKD", "KNOCKD_GUARD"]);
  const visit = (chain: string): string[] => {
    if (seen.has(chain)) return [];
    seen.add(chain);
    return (chains.get(chain) ?? []).flatMap((words) => {
      const target = words[words.findIndex((word) => word === "-j" || word === "-g") + 1]!;
      if (chains.has(target)) return visit(target);
      return acceptedSource(words, port) ?? [];
    });
  };
  return visit("INPUT");
}

/** The source that a rule accepts. Undefined if the rule has a condition that is not understood here. */
function acceptedSource(words: readonly string[], port: number): string | undefined {
  let [source, accepts]: [string | undefined, boolean] = [undefined, false];
  for (let i = 0; i < words.length; i += 2) {
    const [option, value = ""] = [words[i], words[i + 1]];
    if (option === "-s") source = value;
    else if (option === "-j") accepts = value === "ACCEPT";
    else if (option === "-p" && value === "tcp") continue;
    else if (option === "--dport" || option === "--dports") {
      if (!hasPort(value, ":", port)) return undefined;
    } else if (option === "--ctstate" || option === "--state") {
      if (!value.split(",").includes("NEW")) return undefined;
    } else if (option === "--tcp-flags") i++;
    else if (option !== "-m" && option !== "-i" && option !== "--comment") return undefined;
  }
  return accepts && source !== undefined && isNetwork(source) ? source : undefined;
}

/** From `nft list ruleset`: the sources of rules that accept, in any chain, but not in our own tables. */
export function nftSources(ruleset: string, port: number): readonly string[] {
  const others = ruleset.replaceAll(/^table inet knockd(?:_backstop)? \{.*\n[\s\S]*?^\}\n/gm, "");
  return others.split("\n").flatMap((line) => {
    const [, sources = "", rest = ""] =
      /^\s*(?:iifname "[^"]*" )?ip6? saddr (\{ [^}]* \}|[\da-f.:/]+) ((?:tcp dport (?:\{ [^}]* \}|[\d-]+) |ct state [\w,]+ |counter packets \d+ bytes \d+ )*)accept\b/.exec(
        line,
      ) ?? [];
    const ports = /tcp dport (?:\{ ([^}]*) \}|([\d-]+))/.exec(rest);
    if (ports !== null && !hasPort((ports[1] ?? ports[2]!).replaceAll(" ", ""), "-", port)) return [];
    const state = /ct state ([\w,]+)/.exec(rest);
    if (state !== null && !state[1]!.split(",").includes("new")) return [];
    return sources.replace(/[{} ]/g, "").split(",").filter(isNetwork);
  });
}

/** The private networks. If it is known which interfaces lead out, only theirs: a bridge of containers is no LAN. */
export function ownNetworks(
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
  defaults: readonly string[],
): readonly string[] {
  const all = Object.entries(interfaces).filter(([name]) => defaults.length === 0 || defaults.includes(name));
  const addresses = all.flatMap(([, infos]) => infos ?? []).filter(({ internal }) => !internal);
  return unique(
    addresses.flatMap(({ address, cidr }) => (isPrivate(address) && cidr !== null ? [networkOf(cidr)] : [])),
  );
}

function isPrivate(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|f[cd][\da-f]{2}:|fe[89ab][\da-f]:)/i.test(address);
}

/** The network of a host: `192.168.1.0/24` for `192.168.1.5/24`. */
function networkOf(cidr: string): string {
  const [address = "", length = ""] = cidr.split("/");
  const isIpv6 = address.includes(":");
  const size = isIpv6 ? 16 : 8;
  const parts = isIpv6 ? groupsOf(address) : address.split(".").map(Number);
  const kept = parts.map((part, i) => {
    const bits = Math.min(size, Math.max(0, Number(length) - i * size));
    return part & (((1 << size) - 1) ^ ((1 << (size - bits)) - 1));
  });
  if (!isIpv6) return `${kept.join(".")}/${length}`;
  const text = kept.map((part) => part.toString(16)).join(":");
  return `${text.replace(/(^|:)0(:0)+$/, "::")}/${length}`;
}

function groupsOf(address: string): readonly number[] {
  const [head = "", tail] = address.split("::");
  const groups = (text: string) => text.split(":").filter(Boolean);
  const [first, last] = [groups(head), groups(tail ?? "")];
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - first.length - last.length }, () => "0");
  return [...first, ...zeros, ...last].map((group) => Number.parseInt(group, 16));
}

/** Can hosts beyond the local link reach this host over IPv6? */
export function hasIpv6(): boolean {
  try {
    const fields = readFileSync("/proc/net/if_inet6", "latin1")
      .split("\n")
      .map((line) => line.trim().split(/\s+/));
    return fields.some(([, , , scope]) => scope === "00");
  } catch {
    return false; // a kernel without it
  }
}

function isNetwork(text: string): boolean {
  const [address = "", length, ...more] = text.split("/");
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  if (address.includes("%") || more.length > 0 || most < 0) return false;
  // A length of 0 means everyone. That is no LAN.
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) > 0 && Number(length) <= most);
}

function hasPort(list: string, dash: string, port: number): boolean {
  return list.split(",").some((range) => {
    const [first, last = first] = range.split(dash).map(Number);
    return first !== undefined && port >= first && port <= last!;
  });
}

function unique(all: readonly string[]): readonly string[] {
  return [...new Set(all)];
}
