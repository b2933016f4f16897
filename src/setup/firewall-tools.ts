// Finds out which firewall this host has: which program writes its rules, and what the rules do with a port. Changes nothing.
// Reads the kernel's rules, because the name of a service says nothing about them.

import { existsSync, readFileSync } from "node:fs";
import { iptablesVerdict } from "./iptables-rules.ts";
import { nftVerdict } from "./nft-rules.ts";
import { type PortAsked, type PortVerdict, together } from "./port-verdict.ts";

/** A program that writes the rules. When it is reloaded, it drops rules that it does not know. */
export type Manager = "ufw" | "firewalld";
/** The tool whose rules exist without a known program that manages them. */
export type Plain = "nft" | "iptables-nft" | "iptables-legacy";

export interface FirewallTools {
  readonly managers: readonly Manager[];
  readonly plain: readonly Plain[];
  /** Does Docker publish the port? Then a container answers there, and the host's INPUT rules never see it. */
  readonly isPublished: boolean;
  /** What all rules together do with a new connection to the port. Undefined: the kernel could not be asked. */
  readonly verdict: PortVerdict | undefined;
}

type Look = (argv: readonly string[]) => { readonly stdout: string };

export function firewallTools(asked: PortAsked, look: Look, legacy = legacyTables()): FirewallTools {
  const program = asked.ipv6 ? "ip6tables" : "iptables";
  const tables = look([program, "-S"]);
  const kind = look([program, "-V"]).stdout.includes("legacy") ? "iptables-legacy" : "iptables-nft";
  const older = kind === "iptables-nft" && legacy ? look([`${program}-legacy`, "-S"]).stdout : "";
  const nft = look(["nft", "-j", "list", "ruleset"]);
  const rules = [tables.stdout, older];
  const all = `${rules.join("\n")}\n${nft.stdout}`;

  const managers: Manager[] = [];
  if (/^-N ufw6?-user-input$/m.test(all)) managers.push("ufw");
  if (/"table": ?\{[^}]*"name": ?"firewalld"|^-N IN_public/m.test(all)) managers.push("firewalld");

  const plain: Plain[] = [];
  if (hasOwnRules(tables.stdout)) plain.push(kind);
  if (hasOwnRules(older)) plain.push("iptables-legacy");
  if (hasOwnTables(nft.stdout)) plain.push("nft");

  const verdicts = [...rules.map((text) => iptablesVerdict(text, asked)), nftVerdict(nft.stdout, asked)];
  const known = verdicts.filter((verdict): verdict is PortVerdict => verdict !== undefined);
  return {
    managers,
    plain,
    isPublished: isPublished(look([program, "-t", "nat", "-S"]).stdout, asked),
    verdict: known.length === 0 ? undefined : together(known),
  };
}

/** Does INPUT have rules or a policy that come from none of ufw, firewalld, Docker and knockd? */
function hasOwnRules(rules: string): boolean {
  if (/^-P INPUT DROP$/m.test(rules) && !/^-N ufw6?-user-input$/m.test(rules)) return true;
  return /^-A INPUT (?!.*-j (ufw6?-|IN_|INPUT_direct|INPUT_ZONES|DOCKER|KNOCKD|KUBE-|ts-input|f2b-))/m.test(rules);
}

function hasOwnTables(json: string): boolean {
  return [...json.matchAll(/"chain": ?(\{[^}]*\})/g)].some(([, text]) => {
    const { family, table, name, hook } = JSON.parse(text!) as Record<string, string>;
    return hook === "input" && name !== "INPUT" && table !== "firewalld" && `${family} ${table}` !== "inet knockd";
  });
}

function isPublished(nat: string, { protocol, port }: PortAsked): boolean {
  return nat
    .split("\n")
    .some(
      (line) => /^-A DOCKER /.test(line) && line.includes(` -p ${protocol} `) && line.includes(` --dport ${port} `),
    );
}

/** Do the tables of iptables-legacy exist? Running `iptables-legacy` would create them. */
function legacyTables(): boolean {
  const names = "/proc/net/ip_tables_names";
  try {
    return existsSync(names) && readFileSync(names, "latin1").includes("filter");
  } catch {
    return false; // only root can read it
  }
}
