// Finds TCP flags that no client sends: such a door never opens.

import type { Config } from "../config/door.ts";
import { formatTcpFlags, TCP_FLAG_BITS } from "../net/tcp-flags.ts";
import { atLine, type Finding } from "./finding.ts";

/** A SYN with another flag is a reply or forged. ECE and CWR, which a client may add, do not count here. */
export function lintTcpFlags(config: Config): Finding[] {
  return config.doors.flatMap((door) => {
    const { set } = door.tcpFlags;
    const hasTcp = [...door.sequence, ...door.clients].some(({ protocol }) => protocol === "tcp");
    if (!hasTcp || (set & TCP_FLAG_BITS.syn) === 0 || set === TCP_FLAG_BITS.syn) return [];
    const flags = formatTcpFlags(door.tcpFlags);
    const what = `no client sends packets with the flags "${flags}": knock, curl and others send SYN alone`;
    const hint = "Write TCPFlags = syn";
    return [atLine({ config, of: door, directive: "tcpflags" }, "tcpflags", what, hint)];
  });
}
