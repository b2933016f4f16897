// What closes the port at each boot: a oneshot of systemd's that runs the firewall script, as does `systemctl disable --now`
// to have it open again. Not iptables-persistent, which would freeze what others (Docker, fail2ban) have in the tables,
// nor if-pre-up.d, which NetworkManager and systemd-networkd don't run, nor /etc/nftables.conf, which is its owner's.

import type { FirewallKind } from "./firewall.ts";

/** Where `systemctl enable` makes its links. */
export const WANTS = "/etc/systemd/system/multi-user.target.wants";

/** The firewall script, where it survives a boot. */
export function scriptPath(kind: FirewallKind): string {
  return `/etc/knockd.${kind}`;
}

export function templatePath(kind: FirewallKind): string {
  return `/etc/systemd/system/knockd-${kind}@.service`;
}

/** Of one port. */
export function unitName(kind: FirewallKind, port: number): string {
  return `knockd-${kind}@${port}.service`;
}

/** Without this knockd, or its config, nobody could knock, and the port stays open: 0.8, which has no knockctl, may not read it. */
export function unitText(kind: FirewallKind, knockctl: string, config: string): string {
  return `# Written by knockctl init --persist.
[Unit]
Description=Close TCP port %i to clients that have not knocked
ConditionPathExists=${knockctl}
ConditionPathExists=${config}
# Before there is a network, and after those who begin with empty tables.
DefaultDependencies=no
After=local-fs.target systemd-modules-load.service netfilter-persistent.service nftables.service ufw.service firewalld.service
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh ${scriptPath(kind)} close %i
ExecStop=/bin/sh ${scriptPath(kind)} open %i

[Install]
WantedBy=multi-user.target
`;
}
