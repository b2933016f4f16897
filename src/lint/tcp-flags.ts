// TCP flags that no client sends: who knocks with one never gets in.

import type { Config } from "../config/door.ts";
import { formatTcpFlags, TCP_FLAG_BITS } from "../net/tcp-flags.ts";
import { atLine, type Finding } from "./finding.ts";

/** A SYN with another flag is an answer, or made by hand. ECE and CWR, which a client may add, are none of the six. */
export function lintTcpFlags(config: Config): Finding[] {
  return config.doors.flatMap((door) => {
    const { set } = door.tcpFlags;
    const hasTcp = door.sequence.some(({ protocol }) => protocol === "tcp");
    if (!hasTcp || (set & TCP_FLAG_BITS.syn) === 0 || set === TCP_FLAG_BITS.syn) return [];
    const flags = formatTcpFlags(door.tcpFlags);
    const what = `TCPFlags "${flags}": no client sends such a packet; knock, curl and all others send SYN alone`;
    const hint = "TCPFlags = syn";
    return [atLine({ config, of: door, directive: "tcpflags" }, "tcpflags", what, hint)];
  });
}
