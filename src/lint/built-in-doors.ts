// Checks doors that open a port without a command: is it really closed before the knock, and really open after it?

import type { Config, Door } from "../config/door.ts";
import { type FirewallMode, formatPorts, type OpenedPorts } from "../config/opening.ts";
import { formatNetwork } from "../net/network.ts";
import type { FirewallTools, Manager } from "../setup/firewall-tools.ts";
import type { PortAsked } from "../setup/port-verdict.ts";
import { duration } from "../terminal/format.ts";
import { atLine, type Finding } from "./finding.ts";

/** What this host's own firewall does with a port. Undefined if it cannot be asked. */
export type AskFirewall = (asked: PortAsked) => FirewallTools | undefined;

/** Bits of the packet mark that other programs use. */
const MARKS: readonly (readonly [bits: number, whose: string])[] = [
  [0xc0000, "Tailscale"],
  [0xc000, "Kubernetes"],
];

/** `hasIpv6`: clients may come by IPv6 too. */
export function lintOpening(config: Config, ask: AskFirewall, hasIpv6 = false): Finding[] {
  const doors = config.doors.filter(({ opening }) => opening !== undefined);
  if (doors.length === 0) return [];
  return [
    ...allowsAll(config),
    ...marksOfOthers(config),
    ...doors.flatMap((door, i) => twoTimes(config, door, doors.slice(0, i))),
    ...doors.flatMap((door) => ownFirewall(config, door, ask, hasIpv6)),
  ];
}

function allowsAll(config: Config): Finding[] {
  const all = config.options.firewall.allow.filter(({ prefix }) => prefix < 2).map(formatNetwork);
  if (all.length === 0) return [];
  const what = `Gate_Allow ${all.join(", ")} lets everyone in without a knock`;
  const hint = "Name your own networks, such as 192.168.1.0/24.";
  return [atLine({ config, of: config.options, directive: "gate_allow" }, "gate-allow", what, hint)];
}

function marksOfOthers(config: Config): Finding[] {
  const { mode } = config.options.firewall;
  if (mode.kind !== "mark") return [];
  return MARKS.flatMap(([bits, whose]) => {
    if ((mode.mark & bits) === 0) return [];
    const what = `Firewall: mark ${hex(mode.mark)} is a bit that ${whose} uses: packets that it marks get in without a knock`;
    return [
      atLine(
        { config, of: config.options, directive: "firewall" },
        "firewall-mark",
        what,
        "Write: Firewall = mark 0x100000",
      ),
    ];
  });
}

/** If two doors open the same port for the same client, the longer time counts. */
function twoTimes(config: Config, door: Door, before: readonly Door[]): Finding[] {
  const { ports, seconds } = door.opening!;
  return before.flatMap((other) => {
    const both = ports.find((one) => other.opening!.ports.some((two) => overlap(one, two)));
    if (both === undefined || other.opening!.seconds === seconds) return [];
    const [here, there] = [forHowLong(seconds), forHowLong(other.opening!.seconds)];
    const what = `opens ${formatPorts(both)} ${here}, and [${other.name}] opens it ${there}: a client that opens both gets the longer time`;
    const hint = "Use the same `for`, or remove one of the doors.";
    return [atLine({ config, of: door, directive: "open" }, "same-open", what, hint)];
  });
}

/** Asks about both ends of a range, because a rule for part of it usually includes one of them. */
function ownFirewall(config: Config, door: Door, ask: AskFirewall, hasIpv6: boolean): Finding[] {
  if (door.target !== undefined) return []; // a port of another host, which INPUT never sees
  const { mode } = config.options.firewall;
  return door.opening!.ports.flatMap((ports) => {
    if (mode.kind === "set") return [];
    for (const ipv6 of hasIpv6 ? [false, true] : [false]) {
      for (const port of new Set([ports.low, ports.high])) {
        const trap = trapOf(mode, { protocol: ports.protocol, port, ipv6 }, ask, ports);
        if (trap === undefined) continue;
        const what = `${formatPorts(ports)}${ipv6 ? " by IPv6" : ""}: ${trap.what}`;
        return [atLine({ config, of: door, directive: "open" }, "own-firewall", what, trap.hint)];
      }
    }
    return [];
  });
}

function trapOf(
  mode: FirewallMode,
  asked: PortAsked,
  ask: AskFirewall,
  ports: OpenedPorts,
): { readonly what: string; readonly hint: string } | undefined {
  const tools = ask(asked);
  if (tools?.verdict === undefined) return undefined;
  if (mode.kind !== "mark") {
    if (tools.isPublished || tools.verdict.accepts) return undefined;
    return {
      what: "your own firewall refuses it too: a knock opens nothing",
      hint: howToAccept(tools.managers, ports, asked.ipv6 ?? false),
    };
  }
  const mark = hex(mode.mark);
  if (tools.isPublished)
    return {
      what: "Docker publishes it, and your INPUT rules never see it: a mark closes nothing",
      hint: `Use Firewall = gate, or rules for mark ${mark} in the chain DOCKER-USER.`,
    };
  if (!tools.verdict.refuses)
    return {
      what: "your own firewall accepts it from everyone: a mark closes nothing",
      hint: "Remove the rule that accepts it, or use Firewall = gate.",
    };
  if (ask({ ...asked, mark: mode.mark })?.verdict?.accepts !== false) return undefined;
  return {
    what: `no rule of your own firewall accepts packets with mark ${mark}: a knock opens nothing`,
    hint: `Add a rule. nft: meta mark and ${mark} == ${mark} accept; iptables: -m mark --mark ${mark}/${mark} -j ACCEPT`,
  };
}

function howToAccept(managers: readonly Manager[], { protocol, low, high }: OpenedPorts, ipv6: boolean): string {
  const why = "knockd's gate keeps it closed";
  const range = (dash: string) => (low === high ? `${low}` : `${low}${dash}${high}`);
  if (managers.includes("ufw")) return `Run: ufw allow ${range(":")}/${protocol} (${why})`;
  if (managers.includes("firewalld"))
    return `Run: firewall-cmd --permanent --add-port=${range("-")}/${protocol} && firewall-cmd --reload (${why})`;
  const where = ipv6 ? "its rules for IPv6" : "it";
  return `Accept ${protocol} port ${range("-")} in ${where} (${why}), or use Firewall = mark 0x100000.`;
}

function overlap(one: OpenedPorts, two: OpenedPorts): boolean {
  return one.protocol === two.protocol && one.low <= two.high && two.low <= one.high;
}

function forHowLong(seconds: number | undefined): string {
  return seconds === undefined ? "until it is closed" : `for ${duration(seconds)}`;
}

function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}
