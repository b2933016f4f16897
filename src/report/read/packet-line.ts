// Parses the line that iptables' LOG and nftables' log write for a packet. The kernel writes it, and the sender of the
// packet controls only numbers in it. So a line that differs from the kernel's form does not count.

import { parseAddress } from "../../net/address.ts";

export const [TCP, UDP, ICMP, ICMPV6] = [6, 17, 1, 58] as const;
export const [ESP, AH, UDPLITE] = [50, 51, 136] as const;
const NUMBERS: Readonly<Record<string, number>> = { TCP, UDP, UDPLITE, ICMP, ICMPv6: ICMPV6, ESP, AH };
/** The ICMP types that request a reply. Errors and replies are not attempts. */
const REQUESTS: ReadonlySet<number> = new Set([8, 13, 15, 17]);
const ECHO_REQUEST_6 = 128;

/** An IPv4 address as a number, or an IPv6 address as eight characters, one for each group, which takes less memory. */
export type SourceKey = number | string;

/**
 * What a log message is:
 * attempt: a packet that requests something; none: no packet; cut: a truncated or garbled one;
 * loopback, sent: a packet of this host, to itself or to others; answer: a packet that requests nothing;
 * group: to a multicast or broadcast address; fragment: a fragment without ports.
 */
export type Verdict = "attempt" | "none" | "cut" | "loopback" | "sent" | "answer" | "group" | "fragment";

export class PacketLine {
  // The result for the last attempt:
  source: SourceKey = 0;
  protocol = 0;
  /** 0 if the protocol has none. */
  port = 0;
  /** The offset of the kernel's text, after the rule's prefix. Valid for every verdict except `none`. */
  begin = 0;

  /**
   * `message`: the kernel's text with any prefix. A field is found by the blank before it: `log flags all` also writes
   * MACSRC.
   */
  read(message: string): Verdict {
    if (!message.includes(" OUT=")) return "none";
    const from = message.indexOf(" SRC=");
    const out = from < 0 ? message.indexOf(" OUT=") : message.lastIndexOf(" OUT=", from); // a prefix may also contain it
    const into = message.lastIndexOf("IN=", out);
    if (into < 0) return "none";
    this.begin = into;
    if (from < 0) return message.startsWith("ARP ", out + 6) ? "none" : "cut";
    const verdict = this.#readAddresses(message, from);
    if (verdict === "cut" || verdict === "none") return verdict;
    if (into + 3 === out) return "sent";
    return message.startsWith("lo ", into + 3) ? "loopback" : verdict;
  }

  #readAddresses(message: string, from: number): Verdict {
    const to = message.indexOf(" ", from + 5);
    if (!message.startsWith("DST=", to + 1)) return "cut";
    const source = sourceKey(message, from + 5, to);
    if (source === undefined) return "cut";
    const at = message.indexOf(" PROTO=", to) + 7;
    if (at < 7) return "cut";
    const protocol = readProtocol(message, at);
    if (protocol < 0) return "cut";
    if (isToMany(message, to + 5)) return "group";
    this.source = source;
    this.protocol = protocol;
    this.port = 0;
    if (protocol === TCP || protocol === UDP || protocol === UDPLITE) return this.#readPort(message, at);
    if (protocol === ICMP || protocol === ICMPV6) return readIcmp(message, at, protocol);
    return "attempt";
  }

  #readPort(message: string, protocolAt: number): Verdict {
    const at = message.indexOf(" DPT=", protocolAt) + 5;
    // Only the first fragment has ports. A packet that ends early may lack them too.
    if (at < 5) return isIncomplete(message, protocolAt) ? "fragment" : "cut";
    this.port = number(message, at, 65_535);
    if (this.port < 0) return "cut";
    if (this.protocol !== TCP) return message.includes(" LEN=", at) ? "attempt" : "cut";
    const flags = message.indexOf(" WINDOW=", at); // the kernel writes RES= after it, ulogd does not
    if (flags < 0) return "cut";
    const end = message.indexOf(" URGP=", flags);
    if (end < 0) return "cut";
    return isProbe(message, flags, end + 1) ? "attempt" : "answer";
  }
}

/** Is it a SYN, or what a scanner sends instead (FIN, Xmas, null)? These have neither ACK nor RST. */
function isProbe(message: string, flags: number, end: number): boolean {
  const between = message.slice(flags, end);
  return !between.includes(" ACK ") && !between.includes(" RST ");
}

function readIcmp(message: string, protocolAt: number, protocol: number): Verdict {
  const at = message.indexOf(" TYPE=", protocolAt);
  if (at < 0) return isIncomplete(message, protocolAt) ? "fragment" : "cut";
  const type = number(message, at + 6, 255);
  if (type < 0) return "cut";
  return (protocol === ICMP ? REQUESTS.has(type) : type === ECHO_REQUEST_6) ? "attempt" : "answer";
}

function isIncomplete(message: string, protocolAt: number): boolean {
  return message.includes(" INCOMPLETE [", protocolAt) || message.includes(" FRAG:");
}

/** Is the destination a multicast or broadcast address? Such a packet was not meant for this host. */
function isToMany(message: string, at: number): boolean {
  if (message.startsWith("ff", at) || message.startsWith("255.255.255.255 ", at)) return true;
  const first = message.charCodeAt(at + 3) === 0x2e ? Number(message.slice(at, at + 3)) : 0;
  return first >= 224 && first < 240;
}

function readProtocol(message: string, at: number): number {
  const first = message.charCodeAt(at);
  if (message.startsWith("TCP ", at)) return TCP;
  if (message.startsWith("UDP ", at)) return UDP;
  if (first <= 0x39) return number(`${message} `, at, 255); // it may be the last field
  const end = message.indexOf(" ", at);
  const name = message.slice(at, end);
  return end > 0 && Object.hasOwn(NUMBERS, name) ? NUMBERS[name]! : -1;
}

/**
 * Reads digits. A blank must follow, otherwise the line may have been cut within the number. -1 if there is none, or if
 * it is too large.
 */
function number(message: string, at: number, most: number): number {
  let value = 0;
  let end = at;
  for (; end < at + 6; end++) {
    const digit = message.charCodeAt(end) - 0x30;
    if (!(digit >= 0 && digit <= 9)) break;
    value = value * 10 + digit;
  }
  return end > at && message.charCodeAt(end) === 0x20 && value <= most ? value : -1;
}

function sourceKey(message: string, at: number, end: number): SourceKey | undefined {
  if (end - at === 39) return ipv6Key(message, at);
  return message.slice(at, end).includes(":") ? shortIpv6Key(message.slice(at, end)) : ipv4Key(message, at, end);
}

/** Reads the form of ulogd: `fd77::1`. */
function shortIpv6Key(text: string): string | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const { w0, w1, w2, w3 } = address;
  return String.fromCharCode(...[w0, w1, w2, w3].flatMap((word) => [word >>> 16, word & 0xffff]));
}

function ipv4Key(message: string, at: number, end: number): number | undefined {
  let word = 0;
  let byte = -1;
  let bytes = 0;
  for (let i = at; i <= end; i++) {
    const code = i === end ? 0x2e : message.charCodeAt(i);
    if (code === 0x2e) {
      if (byte < 0) return undefined;
      word = word * 256 + byte;
      byte = -1;
      bytes++;
    } else {
      const digit = code - 0x30;
      if (!(digit >= 0 && digit <= 9)) return undefined;
      byte = byte < 0 ? digit : byte * 10 + digit;
      if (byte > 255) return undefined;
    }
  }
  return bytes === 4 ? word : undefined;
}

/** Reads the form of the kernel, which writes all 32 digits. */
function ipv6Key(message: string, at: number): string | undefined {
  const groups: number[] = [];
  for (let i = at; i < at + 40; i += 5) {
    let group = 0;
    for (let j = i; j < i + 4; j++) {
      const digit = hexDigit(message.charCodeAt(j));
      if (digit < 0) return undefined;
      group = group * 16 + digit;
    }
    if (i + 4 < at + 39 && message.charCodeAt(i + 4) !== 0x3a) return undefined;
    groups.push(group);
  }
  return String.fromCharCode(...groups);
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
}
