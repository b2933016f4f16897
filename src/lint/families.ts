// Commands of one family for clients of the other: iptables refuses an IPv6 address and ip6tables an IPv4 address, and the
// door stays closed.

import { isIP } from "node:net";
import type { Config, Door } from "../config/door.ts";
import { atLine, type Finding, warning } from "./finding.ts";

const IPTABLES = /(?:^|[\s;&|(/])iptables(?:-legacy|-nft)?(?=\s)/;
const IP6TABLES = /(?:^|[\s;&|(/])ip6tables(?:-legacy|-nft)?(?=\s)/;
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
      if (hasIpv6 && command6 === undefined && isOnly(IPTABLES, IP6TABLES, command)) {
        const why = `an IPv6 knocker's address is none for iptables, and there is no ${name}_6`;
        const hint = `${name}_6 = … ip6tables …; or, empty: nothing is run for IPv6 knockers`;
        findings.push(warning(about, "iptables-for-ipv6", why, hint));
      }
      if (hasIpv4 && isOnly(IP6TABLES, IPTABLES, command)) {
        const what = `${name}: \`ip6tables\` cannot take an IPv4 address, and IPv4 clients have this command`;
        findings.push(atLine(about, "ip6tables-for-ipv4", what, `use iptables here, and ip6tables in ${name}_6`));
      }
      if (hasIpv6 && isOnly(IPTABLES, IP6TABLES, command6 ?? "")) {
        const what = `${name}_6: \`iptables\` cannot take an IPv6 address, and IPv6 clients have this command`;
        const of6 = { ...about, directive: `${directive}_6` };
        findings.push(atLine(of6, "iptables-for-ipv6", what, `use ip6tables in ${name}_6`));
      }
      return findings;
    });
  });
}

/** A command of this program, with the client's address; one that has both programs runs each for its own family. */
function isOnly(program: RegExp, other: RegExp, command: string): boolean {
  return program.test(command) && !other.test(command) && command.includes("%IP%");
}
