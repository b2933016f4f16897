// The firewall that closes one TCP port to who has not knocked, by iptables or nft: a shell script that does it and undoes
// it, here and at each boot, and the door's commands. Nothing else of the firewall is touched.

import { existsSync } from "node:fs";

export type FirewallKind = "iptables" | "nft";

/** Commands of a door. An empty one runs nothing. */
export interface DoorCommands {
  readonly start: string;
  readonly stop: string;
  readonly start6: string;
  readonly stop6: string;
}

/** What is there, as far as it decides. `ipv6`: does this machine speak it? */
export interface FirewallPlace {
  readonly kind: FirewallKind;
  readonly ipv6: boolean;
}

/** Not the path of whoever calls: this is root's. */
export const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const FOLDERS = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/** Of a system's program; undefined when it is not installed. */
export function programPath(name: string): string | undefined {
  return FOLDERS.map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
}

/** Of iptables, the commands for the families that there are. */
export function families({ ipv6 }: FirewallPlace): readonly string[] {
  return ipv6 ? ["iptables", "ip6tables"] : ["iptables"];
}

export function doorCommands(place: FirewallPlace, port: number): DoorCommands {
  if (place.kind === "nft") {
    const nft = (verb: string, set: string) =>
      `${programPath("nft") ?? "nft"} ${verb} element inet knockd ${set} '{ %IP% . ${port} }'`;
    const [start6, stop6] = place.ipv6 ? [nft("add", "open6"), nft("delete", "open6")] : ["", ""];
    return { start: nft("add", "open4"), stop: nft("delete", "open4"), start6, stop6 };
  }
  const rule = (program: string, verb: string) =>
    `${programPath(program) ?? program} -w ${verb} KNOCKD -s %IP% -p tcp --dport ${port} -j ACCEPT`;
  const [start6, stop6] = place.ipv6 ? [rule("ip6tables", "-A"), rule("ip6tables", "-D")] : ["", ""];
  return { start: rule("iptables", "-A"), stop: rule("iptables", "-D"), start6, stop6 };
}

/** A shell script: `sh FILE close|open|is-closed PORT`. Each may be done again, and says by its status whether it is so. */
export function firewallScript(place: FirewallPlace): string {
  return place.kind === "nft" ? NFT : IPTABLES.replaceAll("@families@", families(place).join(" "));
}

const HEAD = `#!/bin/sh
# Written by knockctl init: closes a TCP port to who has not knocked, or opens it to all again.
#   sh FILE close|open|is-closed PORT
# Only packets that begin a connection are looked at: no session is cut, however old it is. Nothing else is touched.
PATH=${PATH}
port=$2
`;

// The rule of INPUT is inserted first: one that lets everybody in may be there already. All of a family comes at once.
const IPTABLES = `${HEAD}
each() {
  for tables in @families@; do "$1" || return 1; done
}
rule() {
  "$tables" -w 5 "$1" INPUT -p tcp --dport "$port" --syn -j KNOCKD_GUARD 2>/dev/null
}
is_closed() {
  input=$("$tables" -w 5 -S INPUT) || return 2
  printf '%s\\n' "$input" | grep -q -- "--dport $port .*-j KNOCKD_GUARD$"
}
close() {
  is_closed && return
  # asked for first: the older iptables-restore holds the lock while it reads
  chain=$("$tables" -w 5 -S KNOCKD >/dev/null 2>&1 || echo ':KNOCKD - [0:0]')
  "$tables-restore" -w 5 --noflush <<END
*filter
$chain
:KNOCKD_GUARD - [0:0]
-A KNOCKD_GUARD -i lo -j ACCEPT
-A KNOCKD_GUARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A KNOCKD_GUARD -j KNOCKD
-A KNOCKD_GUARD -j REJECT
-I INPUT 1 -p tcp --dport $port --syn -j KNOCKD_GUARD
COMMIT
END
}
open() {
  while rule -D; do :; done
  is_closed
  [ $? = 1 ] || return 1
  # Other ports may be guarded too.
  "$tables" -w 5 -S INPUT | grep -q -- '-j KNOCKD_GUARD$' ||
    { "$tables" -w 5 -F KNOCKD_GUARD && "$tables" -w 5 -X KNOCKD_GUARD; } 2>/dev/null
  :
}
case $1 in
  close) each close ;;
  open) # one family that can't be had is no reason to leave the other one closed
    status=0
    for tables in @families@; do open || status=1; done
    exit $status ;;
  is-closed) each is_closed ;;
esac
`;

// An accept in a table of its own ends only that table: what another one closes stays closed.
const NFT = `${HEAD}
is_closed() {
  nft get element inet knockd guarded "{ $port }" >/dev/null 2>&1
}
# somebody may have made a table of that name himself
is_ours() {
  nft list set inet knockd guarded >/dev/null 2>&1
}
close() {
  if ! is_ours && nft list table inet knockd >/dev/null 2>&1; then
    echo 'there is a table inet knockd that is not ours: rename it, or use --firewall iptables' >&2
    return 1
  fi
  is_ours || nft -f - <<'END' || return 1
table inet knockd {
  set open4 { type ipv4_addr . inet_service; }
  set open6 { type ipv6_addr . inet_service; }
  set guarded { type inet_service; }
  chain KNOCKD {
    ip saddr . tcp dport @open4 accept
    ip6 saddr . tcp dport @open6 accept
  }
  chain guard {
    iif lo accept
    ct state established,related accept
    jump KNOCKD
    reject
  }
  chain input {
    type filter hook input priority -1; policy accept;
    tcp dport @guarded tcp flags & (fin | syn | rst | ack) == syn jump guard
  }
}
END
  nft add element inet knockd guarded "{ $port }"
}
open() {
  is_ours || { nft list tables >/dev/null; return; }
  ! is_closed || nft delete element inet knockd guarded "{ $port }" || return 1
  # Other ports may be guarded too.
  nft list set inet knockd guarded | grep -q elements || nft delete table inet knockd
}
case $1 in
  close) close ;;
  open) open ;;
  is-closed) is_closed ;;
esac
`;
