// Closes the port at each boot: with systemd/knockd-gate.service of the package, or with a unit of our own that adds the rule
// for the mark. Other ways do not fit: iptables-persistent would freeze the rules of others (Docker, fail2ban), NetworkManager
// and systemd-networkd do not run if-pre-up.d, and /etc/nftables.conf belongs to the user.

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

/** The script that `sh FILE add|remove` runs. */
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

/** The units that load the user's rules. When they load them again, our rule is gone. */
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
