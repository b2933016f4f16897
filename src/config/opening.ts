// Doors that open ports without a command: the values of `open`, `for`, Firewall and the options that go with them.

import { type Network, parseNetwork } from "../net/network.ts";
import type { PortRange } from "../net/port-range.ts";

/** The ports that a door opens for a client, by sets of the kernel (src/firewall/). */
export interface Opening {
  /** Sorted. No two ranges of a protocol overlap or touch. At least one. */
  readonly ports: readonly OpenedPorts[];
  /** Undefined: until the door is closed by hand. */
  readonly seconds: number | undefined;
  /** The number of leading bits of an IPv6 client's address that the door lets in. */
  readonly prefix6: number;
}

export interface OpenedPorts extends PortRange {
  readonly protocol: "tcp" | "udp";
}

/** [options]: how clients get in. */
export interface FirewallOptions {
  readonly mode: FirewallMode;
  /** How the gate refuses a new connection. */
  readonly reply: "reset" | "drop";
  /** Networks that the gate admits without a knock. */
  readonly allow: readonly Network[];
  /** For doors that do not set their own. */
  readonly prefix6: number;
  /** Ports of doors that stay closed because of a mistake in the config. The gate guards them too. */
  readonly closed: readonly OpenedPorts[];
}

export type FirewallMode =
  | { readonly kind: "gate" }
  /** A rule of the user's firewall accepts packets with this bit. Unsigned. */
  | { readonly kind: "mark"; readonly mark: number }
  | {
      readonly kind: "set";
      readonly family: string;
      readonly table: string;
      readonly set4: string;
      readonly set6: string;
    };

export const DEFAULT_FIREWALL: FirewallOptions = {
  mode: { kind: "gate" },
  reply: "reset",
  allow: [],
  prefix6: 128,
  closed: [],
};
/** The default of `for`. */
export const DEFAULT_SECONDS = 30;

const MAX_SECONDS = 30 * 86_400;
const MAX_RANGES = 32;
const SECONDS: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };
const FAMILIES = ["ip", "ip6", "inet", "netdev", "bridge"];
/** What nft accepts as a name. */
const NAME = /^[A-Za-z_][\w\\/.]{0,254}$/;

/** `tcp/22,udp/60000-61000`. Throws an Error with the reason. */
export function parseOpenedPorts(value: string): readonly OpenedPorts[] {
  const all = value.split(",").map(parsePorts);
  const ordered = all.sort((a, b) => a.protocol.localeCompare(b.protocol) || a.low - b.low);
  const merged: OpenedPorts[] = [];
  for (const one of ordered) {
    const last = merged.at(-1);
    if (last?.protocol === one.protocol && one.low <= last.high + 1)
      merged[merged.length - 1] = { ...last, high: Math.max(last.high, one.high) };
    else merged.push(one);
  }
  if (merged.length > MAX_RANGES)
    throw new Error(`open has ${merged.length} port ranges; at most ${MAX_RANGES} are allowed`);
  return merged;
}

function parsePorts(text: string): OpenedPorts {
  const [, protocol, low, high = low] = /^\s*(tcp|udp)\/(\d{1,5})(?:-(\d{1,5}))?\s*$/i.exec(text) ?? [];
  if (protocol === undefined)
    throw new Error(`open must be a list such as tcp/22,udp/60000-61000, not "${text.trim()}"`);
  const [from, to] = [Number(low), Number(high)];
  if (from < 1 || to > 65_535) throw new Error(`open: "${text.trim()}" is not in the range 1 to 65535`);
  if (from > to) throw new Error(`open: "${text.trim()}" is not a range: its end is below its start`);
  return { protocol: protocol.toLowerCase() as "tcp" | "udp", low: from, high: to };
}

/** The form used in the config. */
export function formatPorts({ protocol, low, high }: OpenedPorts): string {
  return `${protocol}/${low === high ? low : `${low}-${high}`}`;
}

/** `30s`, `5m`, `2 h`, `90`; undefined for `until closed`. Throws an Error with the reason. */
export function parseDuration(value: string): number | undefined {
  if (/^until\s+closed$/i.test(value)) return undefined;
  const [, digits, unit = ""] = /^(\d{1,9})\s*([smhd]?)$/i.exec(value) ?? [];
  if (digits === undefined)
    throw new Error(`for must be a time such as 30s, 5m, 2h or 1d, or "until closed", not "${value}"`);
  const seconds = Number(digits) * SECONDS[unit.toLowerCase()]!;
  if (seconds === 0) throw new Error(`for "${value}" leaves the client no time to connect`);
  if (seconds > MAX_SECONDS)
    throw new Error(`for must be at most 30d, not "${value}". Use "until closed" for no limit`);
  return seconds;
}

export function parsePrefix6(value: string): number {
  if (!/^\/?\d{1,3}$/.test(value))
    throw new Error(`Open_Prefix_6 must be a number of bits from 1 to 128, not "${value}"`);
  const bits = Number(value.replace("/", ""));
  if (bits < 1 || bits > 128) throw new Error(`Open_Prefix_6 must be a number of bits from 1 to 128, not ${bits}`);
  return bits;
}

/** `gate`, `mark 0x100000`, `set inet filter knocked4 knocked6`. Throws an Error with the reason. */
export function parseFirewall(value: string): FirewallMode {
  const [kind = "", ...rest] = value.split(/\s+/);
  switch (kind.toLowerCase()) {
    case "gate":
      if (rest.length === 0) return { kind: "gate" };
      break;
    case "mark":
      if (rest.length === 1) return { kind: "mark", mark: parseMark(rest[0]!) };
      break;
    case "set":
      if (rest.length === 4) return parseSet(rest as [string, string, string, string]);
      break;
  }
  throw new Error(`Firewall must be gate, mark NUMBER, or set FAMILY TABLE SET4 SET6, not "${value}"`);
}

function parseMark(text: string): number {
  const mark = /^(0x[\da-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : Number.NaN;
  if (!(mark >= 1 && mark <= 0xffff_ffff))
    throw new Error(`Firewall: the mark must be from 0x1 to 0xffffffff, not "${text}"`);
  return mark;
}

function parseSet([family, table, set4, set6]: readonly [string, string, string, string]): FirewallMode {
  if (!FAMILIES.includes(family))
    throw new Error(`Firewall: the family of a table must be ${FAMILIES.join(", ")}, not "${family}"`);
  for (const name of [table, set4, set6])
    if (!NAME.test(name)) throw new Error(`Firewall: "${name}" is not a valid nft name for a table or set`);
  return { kind: "set", family, table, set4, set6 };
}

/** `192.168.0.0/16, fd00::/8`. Throws an Error with the reason. */
export function parseNetworks(value: string): readonly Network[] {
  return value.split(",").map((text) => {
    const network = parseNetwork(text.trim());
    if (network === undefined)
      throw new Error(`Gate_Allow must be a list of networks such as 192.168.1.0/24,fd00::/8, not "${text.trim()}"`);
    return network;
  });
}
