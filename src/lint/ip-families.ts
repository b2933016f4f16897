// Checks commands against the client's IP version: iptables refuses an IPv6 address, ip6tables an IPv4 address. The door
// would stay closed.

import { isIP } from "node:net";
import type { Config, Door } from "../config/door.ts";
import { atLine, type Finding } from "./finding.ts";

/** For each IP version, what takes no address of the other version, by its name in messages: a program or an nft expression. */
const IPV4 = /(?:^|[\s;&|(/"'`])(iptables)(?:-legacy|-nft)?\s|(?:^|[\s;&|(/"'`])nft\s[^;&|]*\b(ip [sd]addr) %IP%/;
const IPV6 = /(?:^|[\s;&|(/"'`])(ip6tables)(?:-legacy|-nft)?\s|(?:^|[\s;&|(/"'`])nft\s[^;&|]*\b(ip6 [sd]addr) %IP%/;
const DIRECTIVES = [
  ["start_command", "startCommand", "startCommand6"],
  ["stop_command", "stopCommand", "stopCommand6"],
] as const satisfies readonly (readonly [string, keyof Door, keyof Door])[];

/** `hostHasIpv6`: may an IPv6 client knock at this host? */
export function lintFamilies(config: Config, hostHasIpv6: boolean): Finding[] {
  return config.doors.flatMap((door) => {
    const family = isIP(door.target?.host ?? ""); // a Target of one IP version is reached only by its clients
    const [hasIpv4, hasIpv6] = [family !== 6, family !== 4 && hostHasIpv6];
    return DIRECTIVES.flatMap(([directive, field, field6]) => {
      const [command = "", command6] = [door[field], door[field6]];
      const given = config.lines.get(door)!.get(directive);
      const name = (given?.text ?? directive).split("=")[0]!.trimEnd(); // as it is spelled in the file
      const about = { config, of: door, directive };
      const findings: Finding[] = [];
      // An empty command_6 means: run nothing for IPv6 clients.
      const only4 = onlyOf(IPV4, IPV6, command);
      if (hasIpv6 && command6 === undefined && only4 !== undefined) {
        const what = `\`${only4}\` cannot take an IPv6 address, and there is no ${name}_6 for IPv6 clients`;
        const hint = `Add ${name}_6 with ${only4.replace("ip", "ip6")}, or an empty ${name}_6 to run nothing for IPv6 clients.`;
        findings.push(atLine(about, "iptables-for-ipv6", what, hint));
      }
      const only6 = onlyOf(IPV6, IPV4, command);
      if (hasIpv4 && only6 !== undefined) {
        const what = `\`${only6}\` cannot take an IPv4 address, and ${name} runs for IPv4 clients`;
        const hint = `Use ${only6.replace("ip6", "ip")} here, and ${only6} in ${name}_6.`;
        findings.push(atLine(about, "ip6tables-for-ipv4", what, hint));
      }
      const wrong6 = onlyOf(IPV4, IPV6, command6 ?? "");
      if (hasIpv6 && wrong6 !== undefined) {
        const what = `\`${wrong6}\` cannot take an IPv6 address, and ${name}_6 runs for IPv6 clients`;
        const hint = `Use ${wrong6.replace("ip", "ip6")} in ${name}_6.`;
        findings.push(atLine({ ...about, directive: `${directive}_6` }, "iptables-for-ipv6", what, hint));
      }
      return findings;
    });
  });
}

/** The program or expression that serves one IP version only. A command that has both serves both. */
function onlyOf(family: RegExp, other: RegExp, command: string): string | undefined {
  if (other.test(command) || !command.includes("%IP%")) return undefined;
  const found = family.exec(command);
  return found?.[1] ?? found?.[2];
}
