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
  /** Networks that come in without a knock, `192.168.1.0/24` or `fd00::/64`. */
  readonly lan?: readonly string[];
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
    const element = (verb: string, set: string) => `${verb} element inet knockd ${set} { %IP% . ${port} }`;
    const start = (set: string) => `${programPath("nft") ?? "nft"} '${element("add", set)}'`;
    // After a second knock it is taken out a second time: an element that is not there is no error.
    const stop = (set: string) => `${programPath("nft") ?? "nft"} '${element("add", set)}; ${element("delete", set)}'`;
    const [start6, stop6] = place.ipv6 ? [start("open6"), stop("open6")] : ["", ""];
    return { start: start("open4"), stop: stop("open4"), start6, stop6 };
  }
  const rule = (program: string, verb: string) =>
    `${programPath(program) ?? program} -w ${verb} KNOCKD -s %IP% -p tcp --dport ${port} -j ACCEPT`;
  const [start6, stop6] = place.ipv6 ? [rule("ip6tables", "-A"), rule("ip6tables", "-D")] : ["", ""];
  return { start: rule("iptables", "-A"), stop: rule("iptables", "-D"), start6, stop6 };
}

/** A shell script: `sh FILE close|open|is-closed PORT`. Each may be done again, and says by its status whether it is so. */
export function firewallScript(place: FirewallPlace): string {
  const script = place.kind === "nft" ? NFT : IPTABLES.replaceAll("@families@", families(place).join(" "));
  return script.replace("@lan4@", networks(place, false).join(" ")).replace("@lan6@", networks(place, true).join(" "));
}

/** The rules alone, for people. */
export function rulesText(place: FirewallPlace, port: number): string {
  if (place.kind === "nft") {
    const lan4 = networks(place, false).map((one) => `${nftLan("ip", one, `${port}`)}\n`);
    const lan6 = networks(place, true).map((one) => `${nftLan("ip6", one, `${port}`)}\n`);
    return `${NFT_TABLE}add element inet knockd guarded { ${port} }\n${[...lan4, ...lan6].join("")}`;
  }
  return families(place)
    .map((tables) => {
      const lan = networks(place, tables === "ip6tables").map((one) => `${iptablesLan(one, `${port}`)}\n`);
      return `# ${tables}: a chain KNOCKD, unless there is one, and\n-N KNOCKD_GUARD\n${IPTABLES_RULES.replaceAll("$port", `${port}`)}${lan.join("")}`;
    })
    .join("");
}

/** What opens the port by hand. */
export function openCommand(place: FirewallPlace, port: number): string {
  if (place.kind === "nft") return `nft delete element inet knockd guarded '{ ${port} }'`;
  return families(place)
    .map((tables) => `${tables} -D INPUT -p tcp --dport ${port} --syn -j KNOCKD_GUARD`)
    .join("; ");
}

function networks({ lan = [] }: FirewallPlace, isIpv6: boolean): readonly string[] {
  return lan.filter((one) => one.includes(":") === isIpv6);
}

function iptablesLan(network: string, port: string): string {
  return `-I INPUT 1 -s ${network} -p tcp --dport ${port} --syn -m comment --comment knockd-lan -j ACCEPT`;
}

function nftLan(family: "ip" | "ip6", network: string, port: string): string {
  return `insert rule inet knockd input ${family} saddr ${network} tcp dport ${port} accept`;
}

const HEAD = `#!/bin/sh
# Written by knockctl init. Closes a TCP port to clients that have not knocked, or opens it to all again.
#   sh FILE close|open|is-closed PORT
# The rules match only packets that begin a connection, so open sessions stay open. It touches no other rule.
# Exit status of is-closed: 0 closed, 1 open, 2 closed for IPv4 or IPv6 alone, or the firewall does not answer.
PATH=${PATH}
port=$2
lan4='@lan4@'
lan6='@lan6@'
`;

const IPTABLES_RULES = `-A KNOCKD_GUARD -i lo -j ACCEPT
-A KNOCKD_GUARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A KNOCKD_GUARD -j KNOCKD
-A KNOCKD_GUARD -j REJECT
-I INPUT 1 -p tcp --dport $port --syn -j KNOCKD_GUARD
`;

const NFT_TABLE = `table inet knockd {
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
  # look first: the older iptables-restore holds the lock while it reads
  chain=$("$tables" -w 5 -S KNOCKD >/dev/null 2>&1 || echo ':KNOCKD - [0:0]')
  "$tables-restore" -w 5 --noflush <<END
*filter
$chain
:KNOCKD_GUARD - [0:0]
${IPTABLES_RULES}$(lan)
COMMIT
END
}
# They come before the rule that closes the port.
lan() {
  networks=$lan4
  [ "$tables" = iptables ] || networks=$lan6
  for network in $networks; do
    echo "${iptablesLan("$network", "$port")}"
  done
}
open() {
  while rule -D; do :; done
  "$tables" -w 5 -S INPUT | sed -n "s/^-A \\(INPUT .*--dport $port .*--comment knockd-lan .*\\)/-D \\1/p" |
    while read -r lan_rule; do
      # shellcheck disable=SC2086
      "$tables" -w 5 $lan_rule
    done
  is_closed
  [ $? = 1 ] || return 1
  # Other ports may be guarded too.
  "$tables" -w 5 -S INPUT | grep -q -- '-j KNOCKD_GUARD$' ||
    { "$tables" -w 5 -F KNOCKD_GUARD && "$tables" -w 5 -X KNOCKD_GUARD; } 2>/dev/null
  :
}
case $1 in
  close) each close ;;
  open) # if one family fails, still open the other
    status=0
    for tables in @families@; do open || status=1; done
    exit $status ;;
  is-closed)
    all=
    for tables in @families@; do
      is_closed
      all=$all$?
    done
    case $all in
      0 | 00) exit 0 ;;
      1 | 11) exit 1 ;;
      *) exit 2 ;;
    esac ;;
esac
`;

// An accept in a table of its own ends only that table: what another one closes stays closed.
const NFT = `${HEAD}
is_closed() {
  nft get element inet knockd guarded "{ $port }" >/dev/null 2>&1
}
# another program may have made a table of that name
is_ours() {
  nft list set inet knockd guarded >/dev/null 2>&1
}
close() {
  if ! is_ours && nft list table inet knockd >/dev/null 2>&1; then
    echo 'there is a table "inet knockd" that knockctl did not make. Rename it, or use --firewall iptables' >&2
    return 1
  fi
  is_ours || nft -f - <<'END' || return 1
${NFT_TABLE}END
  is_closed && return
  {
    echo "add element inet knockd guarded { $port }"
    for network in $lan4; do echo "${nftLan("ip", "$network", "$port")}"; done
    for network in $lan6; do echo "${nftLan("ip6", "$network", "$port")}"; done
  } | nft -f -
}
open() {
  is_ours || { nft list tables >/dev/null; return; }
  ! is_closed || nft delete element inet knockd guarded "{ $port }" || return 1
  nft -a list chain inet knockd input | sed -n "s/.* saddr .* tcp dport $port accept # handle \\([0-9]*\\)$/\\1/p" |
    while read -r handle; do nft delete rule inet knockd input handle "$handle"; done
  # Other ports may be guarded too.
  nft list set inet knockd guarded | grep -q elements || nft delete table inet knockd
}
case $1 in
  close) close ;;
  open) open ;;
  is-closed) nft list tables >/dev/null 2>&1 || exit 2; is_closed ;;
esac
`;
