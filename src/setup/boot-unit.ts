// What closes the port at each boot: systemd/knockd-gate.service, which comes with the package, or a unit of our own that
// adds the rule for the mark. Not iptables-persistent, which would freeze what others (Docker, fail2ban) have in the tables,
// nor if-pre-up.d, which NetworkManager and systemd-networkd don't run, nor /etc/nftables.conf, which is its owner's.

import { type FirewallKind, MARK, PATH } from "./firewall.ts";
import { type MarkPlace, markFunctions } from "./mark-rule.ts";

/** Where `systemctl enable` makes its links. */
export const WANTS = "/etc/systemd/system/multi-user.target.wants";
export const GATE_UNIT = "knockd-gate.service";
export const MARK_UNIT = "knockd-mark.service";
export const MARK_UNIT_PATH = `/etc/systemd/system/${MARK_UNIT}`;
export const MARK_SCRIPT = "/etc/knockd.mark";

export function unitOf(kind: FirewallKind): string {
  return kind === "gate" ? GATE_UNIT : MARK_UNIT;
}

/** `sh FILE add|remove` */
export function markScript(place: MarkPlace): string {
  return `#!/bin/sh
# Written by knockctl init --persist. Adds the rule that accepts knockd's mark to the firewall, or removes it.
#   sh FILE add|remove
PATH=${PATH}
${markFunctions(place, MARK)}case $1 in
  add) add_rule ;;
  remove) remove_rule ;;
esac
`;
}

/** The units that load the user's rules forget ours when they do it again. */
const OWNERS = "nftables.service netfilter-persistent.service";

export const MARK_UNIT_TEXT = `# Written by knockctl init --persist.
[Unit]
Description=Let the firewall accept clients that have knocked
Documentation=man:knockd.conf(5)
ConditionPathExists=/etc/knockd.conf
# Before there is a network, and each time after the firewall's own rules.
DefaultDependencies=no
After=local-fs.target systemd-modules-load.service ${OWNERS}
PartOf=${OWNERS}
ReloadPropagatedFrom=${OWNERS}
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh ${MARK_SCRIPT} add
ExecReload=/bin/sh ${MARK_SCRIPT} add
ExecStop=/bin/sh ${MARK_SCRIPT} remove

[Install]
WantedBy=multi-user.target ${OWNERS}
`;
