// The first sentence of a report: what its numbers mean. It claims only what the log says.

import { commonName } from "../count/common-names.ts";
import type { PortRow, Report } from "../report.ts";
import { count, counted } from "./html/words.ts";

/** Empty if nothing was counted. */
export function headline({
  attempts,
  rejected,
  ports: [most],
}: Pick<Report, "attempts" | "rejected" | "ports">): string {
  if (attempts === 0 || most === undefined) return "";
  return `${mostTried(most, attempts)} ${whatBecame(attempts, rejected)}`;
}

function mostTried({ protocol, port, service, attempts }: PortRow, all: number): string {
  const name = nameOf(protocol, port, service);
  if (all === 1) return `The only attempt was for ${name}.`;
  if (attempts === all) return `All ${counted(all, "attempt")} were for ${name}.`;
  return `${count(attempts)} of ${counted(all, "attempt")} ${attempts === 1 ? "was" : "were"} for ${name}.`;
}

/**
 * A rejected packet let nobody in. For packets of rules whose prefix does not say that they reject, this is unknown.
 */
function whatBecame(attempts: number, rejected: number): string {
  const them = attempts === 1 ? "it" : "them";
  if (rejected === 0) return `The log does not say whether the firewall rejected ${them}.`;
  const unknown = attempts - rejected;
  if (unknown > 0)
    return `The log says that the firewall rejected ${count(rejected)} of them, and nothing about the other ${count(unknown)}.`;
  return `The log says that the firewall rejected ${attempts === 1 ? "it" : "all of them"}: nobody got in that way.`;
}

/** Such as `SSH, port 22`, `Phones (SIP), port 5060/udp`, `port 8765`, `ICMP`. */
function nameOf(protocol: string, port: number, service: string): string {
  if (port === 0) return protocol.toUpperCase();
  const number = `port ${port}${protocol === "tcp" ? "" : `/${protocol}`}`;
  const name = commonName(protocol, port) ?? service;
  return name === "" ? number : `${name}, ${number}`;
}
