// A network: an address and how many of its leading bits count.

import { type Address, formatAddress, isIpv4, parseAddress, sameAddress } from "./address.ts";

export interface Network {
  /** The bits after the prefix are 0. */
  readonly address: Address;
  /** 0 to 32 for IPv4, 0 to 128 for IPv6. */
  readonly prefix: number;
}

/** Parses `192.168.1.0/24`, `fd00::/64`, or an address alone. Undefined if the text is none of these. */
export function parseNetwork(text: string): Network | undefined {
  const [, host = "", length] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(host);
  if (address === undefined) return undefined;
  const longest = host.includes(":") ? 128 : 32;
  const prefix = Number(length ?? longest);
  if (prefix > longest) return undefined;
  const first = masked(address, prefix + 128 - longest);
  // IPv4 addresses written as IPv6, ::ffff:192.0.2.0/120
  return { address: first, prefix: isIpv4(first) && longest === 128 ? prefix - 96 : prefix };
}

export function formatNetwork({ address, prefix }: Network): string {
  return prefix === (isIpv4(address) ? 32 : 128) ? formatAddress(address) : `${formatAddress(address)}/${prefix}`;
}

/** The address with only its first `bits` of 128 bits. */
export function masked({ w0, w1, w2, w3 }: Address, bits: number): Address {
  const keep = (word: number, at: number) => {
    const count = Math.min(32, Math.max(0, bits - at));
    return count === 0 ? 0 : word & (-1 << (32 - count));
  };
  return { w0: keep(w0, 0), w1: keep(w1, 32), w2: keep(w2, 64), w3: keep(w3, 96) };
}

/** Is the address in the network? An IPv4 address is in no IPv6 network. */
export function isWithin({ address, prefix }: Network, one: Address): boolean {
  if (isIpv4(address) !== isIpv4(one)) return false;
  return sameAddress(masked(one, isIpv4(address) ? prefix + 96 : prefix), address);
}
