// An IP address as four 32-bit words, most significant first. IPv4 is mapped (::ffff:a.b.c.d), so that one type serves both
// versions. It becomes text only where people or commands read it.
// The words are signed: V8 stores signed 32-bit integers in place and allocates an object for larger numbers, which doubled
// the cost of an IPv6 knock (bench/flood.ts).

import { SocketAddress } from "node:net";

export interface Address {
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
}

export function isIpv4(a: Address): boolean {
  return a.w0 === 0 && a.w1 === 0 && a.w2 === 0xffff;
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0;
}

/**
 * Can a host on the network have this address? Not 0.0.0.0/8, loopback, multicast, broadcast or 0000::/64, except the IPv4
 * addresses that we map there ourselves.
 */
export function isHostAddress({ w0, w1, w2, w3 }: Address): boolean {
  if (w0 !== 0 || w1 !== 0) return w0 >>> 24 !== 0xff;
  const first = w3 >>> 24;
  return w2 === 0xffff && first !== 0 && first !== 127 && (first < 224 || first > 239) && w3 !== -1;
}

/** fe80::/10. Two hosts on different interfaces may have the same address. */
export function isLinkLocal(a: Address): boolean {
  return a.w0 >>> 22 === 0xfe80 >>> 6;
}

/** A copy to keep: the next packet overwrites the address of this one. */
export function copyOf({ w0, w1, w2, w3 }: Address): Address {
  return { w0, w1, w2, w3 };
}

/** Parses an address and ignores its scope (`%eth0`). Undefined if the text is no address. */
export function parseAddress(text: string): Address | undefined {
  const bare = text.split("%", 1)[0]!;
  if (!isAddress(bare)) return undefined;
  if (!bare.includes(":")) return { w0: 0, w1: 0, w2: 0xffff, w3: ipv4Word(bare) };
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(bare);
  let hex = bare;
  if (dotted) {
    const word = ipv4Word(dotted[2]!);
    hex = `${dotted[1]}${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`;
  }
  const [head = "", tail] = hex.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...left, ...new Array<string>(8 - left.length - right.length).fill("0"), ...right].map((group) =>
    Number.parseInt(group, 16),
  );
  const word = (i: number) => (groups[i]! << 16) | groups[i + 1]!;
  return { w0: word(0), w1: word(2), w2: word(4), w3: word(6) };
}

/** The text as inet_ntop writes it (RFC 5952; mapped and compatible addresses end in dots). */
export function formatAddress(a: Address): string {
  if (isIpv4(a)) return formatIpv4(a.w3);
  const groups = [a.w0, a.w1, a.w2, a.w3].flatMap((word) => [word >>> 16, word & 0xffff]);
  // The old form ::a.b.c.d, but not ::1 and ::
  if (a.w0 === 0 && a.w1 === 0 && a.w2 === 0 && a.w3 >>> 0 > 0xffff) return `::${formatIpv4(a.w3)}`;
  let best = { at: 0, length: 1 }; // a single zero group is not shortened
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const hex = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  if (best.length === 1) return hex(0, 8);
  return `${hex(0, best.at)}::${hex(best.at + best.length, 8)}`;
}

/** Like isIP of node:net, whose regular expression takes up to 20 ms for the first address of a process (bench/start.ts). */
function isAddress(text: string): boolean {
  if (text.includes("\0")) return false; // the parser would stop at the NUL
  try {
    new SocketAddress({ address: text, family: text.includes(":") ? "ipv6" : "ipv4" });
    return true;
  } catch {
    return false;
  }
}

function ipv4Word(text: string): number {
  return text.split(".").reduce((word, byte) => (word << 8) | Number(byte), 0);
}

function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}
