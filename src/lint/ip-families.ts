// Commands of one family for clients of the other: iptables refuses an IPv6 address and ip6tables an IPv4 address, and the
// door stays closed.

import { isIP } from "node:net";
import type { Config, Door } from "../config/door.ts";
import { atLine, type Finding, warning } from "./finding.ts";

/** Of each family what takes no other family's address, as it is called in messages: the program, or nft's expression. */
const IPV4 = /(?:^|[\s;&|(/])(iptables)(?:-legacy|-nft)?\s|(?:^|[\s;&|(/])nft\s[^;&|]*\b(ip [sd]addr) %IP%/;
const IPV6 = /(?:^|[\s;&|(/])(ip6tables)(?:-legacy|-nft)?\s|(?:^|[\s;&|(/])nft\s[^;&|]*\b(ip6 [sd]addr) %IP%/;
const DIRECTIVES = [
  ["start_command", "startCommand", "startCommand6"],
  ["stop_command", "stopCommand", "stopCommand6"],
] as const satisfies readonly (readonly [string, keyof Door, keyof Door])[];

/** `hearsIpv6`: may an IPv6 client knock at this host? */
export function lintFamilies(config: Config, hearsIpv6: boolean): Finding[] {
  return config.doors.flatMap((door) => {
    const family = isIP(door.target?.host ?? ""); // at an address of one family, only its clients knock
    const [hasIpv4, hasIpv6] = [family !== 6, family !== 4 && hearsIpv6];
    return DIRECTIVES.flatMap(([directive, field, field6]) => {
      const [command = "", command6] = [door[field], door[field6]];
      const given = config.lines.get(door)!.get(directive);
      const name = (given?.text ?? directive).split("=")[0]!.trimEnd(); // as its writer calls it
      const about = { config, of: door, directive };
      const findings: Finding[] = [];
      // An empty one says that IPv6 knockers get nothing.
      const only4 = onlyOf(IPV4, IPV6, command);
      if (hasIpv6 && command6 === undefined && only4 !== undefined) {
        const why = `an IPv6 knocker's address is none for ${only4}, and there is no ${name}_6`;
        const hint = `${name}_6 = … ${only4.replace("ip", "ip6")} …; or, empty: nothing is run for IPv6 knockers`;
        findings.push(warning(about, "iptables-for-ipv6", why, hint));
      }
      const only6 = onlyOf(IPV6, IPV4, command);
      if (hasIpv4 && only6 !== undefined) {
        const what = `${name}: \`${only6}\` cannot take an IPv4 address, and IPv4 clients have this command`;
        const hint = `use ${only6.replace("ip6", "ip")} here, and ${only6} in ${name}_6`;
        findings.push(atLine(about, "ip6tables-for-ipv4", what, hint));
      }
      const wrong6 = onlyOf(IPV4, IPV6, command6 ?? "");
      if (hasIpv6 && wrong6 !== undefined) {
        const what = `${name}_6: \`${wrong6}\` cannot take an IPv6 address, and IPv6 clients have this command`;
        const hint = `use ${wrong6.replace("ip", "ip6")} in ${name}_6`;
        findings.push(atLine({ ...about, directive: `${directive}_6` }, "iptables-for-ipv6", what, hint));
      }
      return findings;
    });
  });
}

/** What a command has of one family alone, with the client's address; one that has both serves each family. */
function onlyOf(family: RegExp, other: RegExp, command: string): string | undefined {
  if (other.test(command) || !command.includes("%IP%")) return undefined;
  const found = family.exec(command);
  return found?.[1] ?? found?.[2];
}
