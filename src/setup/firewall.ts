// How a port of this host is closed to clients that have not knocked: by knockd's gate, or by the existing firewall, which then
// accepts a mark. The existing rules decide which. No rule of another program is changed.

import { existsSync } from "node:fs";
import type { FirewallMode } from "../config/opening.ts";
import { type FirewallTools, firewallTools } from "./firewall-tools.ts";
import { type MarkPlace, markPlace } from "./mark-rule.ts";

export type FirewallKind = "gate" | "mark";

export interface FirewallPlan {
  readonly kind: FirewallKind;
  /** The reason for this choice, in a sentence. */
  readonly why: string;
  /** What the user must do before a knock can open anything. Undefined: nothing. */
  readonly todo: string | undefined;
  /** The place of the rule that accepts the mark. */
  readonly place: MarkPlace | undefined;
  /** Networks that the gate lets in without a knock, `192.168.1.0/24` or `fd00::/64`. */
  readonly lan: readonly string[];
}

/** A fixed PATH, not the caller's, because these programs run as root. */
export const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** A bit that neither Tailscale nor Kubernetes uses. */
export const MARK = 0x100000;
const FOLDERS = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/** The path of a system program. Undefined if it is not installed. */
export function programPath(name: string): string | undefined {
  return FOLDERS.map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
}

/** The value of `Firewall` in the config. */
export function modeOf(kind: FirewallKind): FirewallMode {
  return kind === "mark" ? { kind, mark: MARK } : { kind };
}

type Look = Parameters<typeof firewallTools>[1];
export type Choice = Omit<FirewallPlan, "lan">;

/** `wanted` is the user's choice, or the choice in the config. */
export function chooseFirewall(port: number, ipv6: boolean, look: Look, wanted?: FirewallKind): Choice {
  const asked = { protocol: "tcp", port } as const;
  const tools = firewallTools(asked, look);
  const isOpen6 = ipv6 && firewallTools({ ...asked, ipv6 }, look).verdict?.accepts !== false;
  const why = whyNoMark(tools, port);
  const place = why === undefined ? markPlace(tools, ipv6, look) : undefined;
  const kind = wanted ?? (place === undefined ? "gate" : "mark");
  if (kind === "mark") {
    const name = tools.plain[0] === "nft" ? "nft" : "iptables";
    return {
      kind,
      why: `your ${name} rules close port ${port} already, and one new rule accepts knockd's mark`,
      todo: isOpen6 ? `close TCP port ${port} for IPv6 too: there your rules let everyone in` : undefined,
      place,
    };
  }
  return {
    kind,
    why: why ?? `your rules have no chain that knockd could add its one rule to`,
    todo: todo(tools, port),
    place: undefined,
  };
}

/** Why a mark does not fit. Undefined if the user's own rules refuse the port, and no program manages them. */
function whyNoMark(tools: FirewallTools, port: number): string | undefined {
  if (tools.isPublished) return `Docker publishes port ${port}, and your own rules never see it`;
  const [manager] = tools.managers;
  if (manager !== undefined)
    return `${manager} writes the rules of this host, and drops the rules of others at a reload`;
  if (tools.plain.length === 0) return "no firewall of this host refuses anything";
  if (tools.verdict?.accepts !== false) return `your own rules let port ${port} in`;
  return tools.plain.length === 1 ? undefined : `your rules are in several places: ${tools.plain.join(", ")}`;
}

/** The gate opens nothing that another firewall keeps closed. */
function todo({ managers, verdict, isPublished }: FirewallTools, port: number): string | undefined {
  if (isPublished || verdict?.accepts !== false) return undefined;
  if (managers.includes("ufw")) return `ufw allow ${port}/tcp`;
  if (managers.includes("firewalld")) return `firewall-cmd --permanent --add-port=${port}/tcp && firewall-cmd --reload`;
  return `accept TCP port ${port} in your own firewall`;
}
