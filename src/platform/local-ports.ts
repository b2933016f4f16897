import * as fs from "node:fs";
import type { PortRange } from "../net/port-range.ts";
import { native } from "./native.ts";

/** Linux's default for net.ipv4.ip_local_port_range. */
export const USUAL_EPHEMERAL: PortRange = { low: 32_768, high: 60_999 };

/** The kernel's range of ports for outgoing connections. */
export function ephemeralPorts(): PortRange {
  try {
    const [low, high] = fs
      .readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1")
      .trim()
      .split(/\s+/)
      .map(Number);
    return low! <= high! ? { low: low!, high: high! } : USUAL_EPHEMERAL;
  } catch {
    return USUAL_EPHEMERAL; // some containers have no /proc
  }
}

/** The ports on which this host listens. Undefined if the kernel cannot tell. */
export function listeningPorts(): { tcp: number[]; udp: number[] } | undefined {
  try {
    return native.listeningPorts();
  } catch {
    return undefined;
  }
}
