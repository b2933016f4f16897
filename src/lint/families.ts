// Commands that an IPv6 knocker has, and that are of IPv4: iptables refuses his address, and the door stays closed.

import type { Config } from "../config/door.ts";
import { type Finding, warning } from "./finding.ts";

const IPTABLES = /(?:^|[\s;&|(/])iptables(?:-legacy|-nft)?(?=\s)/;

export function lintFamilies(config: Config): Finding[] {
  return config.doors.flatMap((door) =>
    (
      [
        ["start_command", door.startCommand, door.startCommand6],
        ["stop_command", door.stopCommand, door.stopCommand6],
      ] as const
    ).flatMap(([directive, command, command6]) => {
      // An empty one says that IPv6 knockers get nothing.
      if (command === undefined || command6 !== undefined) return [];
      if (!IPTABLES.test(command) || !command.includes("%IP%")) return [];
      const name = config.lines.get(door)!.get(directive)!.text.split("=")[0]!.trimEnd(); // as its writer calls it
      const why = `an IPv6 knocker's address is none for iptables, and there is no ${name}_6`;
      const hint = `${name}_6 = … ip6tables …; or, empty: nothing is run for IPv6 knockers`;
      return [warning({ config, of: door, directive }, "iptables-for-ipv6", why, hint)];
    }),
  );
}
