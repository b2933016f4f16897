// Commands, and the ready drop-ins under which they work. hardened.test.ts verifies this on booted systems, and
// ../sandbox.test.ts compares what `knockctl check` says with it.

/** Which commands work under which drop-in, as a door's command. */
export const COMMANDS: readonly [name: string, command: string, hardened: boolean, unprivileged: boolean][] = [
  ["iptables", "iptables -A KNOCKD -s %IP% -p tcp --dport 22 -j ACCEPT", true, true],
  ["iptables-legacy", "iptables-legacy -A INPUT -s %IP% -j ACCEPT", true, true],
  ["ip6tables", "ip6tables -A INPUT -s fd77::2 -j ACCEPT", true, true],
  ["nft", "nft add table inet doors", true, true],
  ["the helper", "/usr/sbin/knock_helper_ipt.sh -a -c KNOCKD -f %IP% -d 80", true, true],
  ["ip route", "ip route add 10.99.0.0/24 via %IP%", true, true],
  ["logger", "logger knocked", true, true],
  ["a file in /run/knockd", "touch /run/knockd/mine", true, true],
  ["others' files in /tmp", "test -e /tmp/of-others", false, false],
  ["a file in /etc", "touch /etc/knocked", false, false],
  ["a file in /var/lib", "touch /var/lib/knocked", false, false],
  ["a file in /root", "touch /root/knocked", false, false],
  ["a device", "test -c /dev/net/tun", false, false],
  ["systemctl", "systemctl start cron.service", true, false],
];
