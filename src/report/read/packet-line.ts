// Parses the line that LOG of iptables and log of nftables write for a packet. The kernel writes it, and a sender controls
// only numbers in it. So a line that differs from the kernel's form is not believed.

import { parseAddress } from "../../net/address.ts";

export const [TCP, UDP, ICMP, ICMPV6] = [6, 17, 1, 58] as const;
export const [ESP, AH, UDPLITE] = [50, 51, 136] as const;
const NUMBERS: Readonly<Record<string, number>> = { TCP, UDP, UDPLITE, ICMP, ICMPv6: ICMPV6, ESP, AH };
/** The ICMP types that ask for a reply. Errors and replies are no attempts. */
const REQUESTS: ReadonlySet<number> = new Set([8, 13, 15, 17]);
const ECHO_REQUEST_6 = 128;

/** An IPv4 address is a number; an IPv6 address its eight groups, a character each, which is smaller than its text. */
export type SourceKey = number | string;

/**
 * What a message is: an attempt; no packet; torn or garbled; a packet of this host to itself, or from it to others; one that
 * asks for nothing; one to a group or to everyone in the network; a fragment that does not say what it asks for.
 */
export type Verdict = "attempt" | "none" | "cut" | "loopback" | "sent" | "answer" | "group" | "fragment";

export class PacketLine {
  // Of the attempt that was read last.
  source: SourceKey = 0;
  protocol = 0;
  /** 0 where the protocol has none. */
  port = 0;
  /** Where the kernel's words begin, behind the rule's prefix; of every verdict but `none`. */
  begin = 0;

  /** `message` is what the kernel said, with whatever prefix. Each field begins after a blank: `log flags all` has a MACSRC, too. */
  read(message: string): Verdict {
    if (!message.includes(" OUT=")) return "none";
    const from = message.indexOf(" SRC=");
    const out = from < 0 ? message.indexOf(" OUT=") : message.lastIndexOf(" OUT=", from); // a prefix may say it, too
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
    // A later fragment has no ports; neither has a packet that ends before them.
    if (at < 5) return isIncomplete(message, protocolAt) ? "fragment" : "cut";
    this.port = number(message, at, 65_535);
    if (this.port < 0) return "cut";
    if (this.protocol !== TCP) return message.includes(" LEN=", at) ? "attempt" : "cut";
    const flags = message.indexOf(" WINDOW=", at); // the kernel writes RES= behind it, ulogd does not
    if (flags < 0) return "cut";
    const end = message.indexOf(" URGP=", flags);
    if (end < 0) return "cut";
    return isProbe(message, flags, end + 1) ? "attempt" : "answer";
  }
}

/** No ACK and no RST: a SYN, or what a scanner sends in its place (FIN, Xmas, null). */
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

/** To a group or to everyone in the network: not to our door. */
function isToMany(message: string, at: number): boolean {
  if (message.startsWith("ff", at) || message.startsWith("255.255.255.255 ", at)) return true;
  const first = message.charCodeAt(at + 3) === 0x2e ? Number(message.slice(at, at + 3)) : 0;
  return first >= 224 && first < 240;
}

function readProtocol(message: string, at: number): number {
  const first = message.charCodeAt(at);
  if (message.startsWith("TCP ", at)) return TCP;
  if (message.startsWith("UDP ", at)) return UDP;
  if (first <= 0x39) return number(`${message} `, at, 255); // the line may end with it
  const end = message.indexOf(" ", at);
  const name = message.slice(at, end);
  return end > 0 && Object.hasOwn(NUMBERS, name) ? NUMBERS[name]! : -1;
}

/** In digits, with a blank behind: without one it may go on where the line was cut. -1 when there is none, or it is too large. */
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

/** ulogd writes `fd77::1`. */
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

/** The kernel writes all 32 digits. */
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
