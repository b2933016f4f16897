// What the how-to has one type and write on a Raspberry Pi.

export const RULES = `
iptables -N KNOCKD
iptables -A INPUT -i lo -j ACCEPT
iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
iptables -A INPUT -j KNOCKD
iptables -A INPUT -j REJECT
iptables-save > /etc/network/iptables
`;
export const RESTORE = "#!/bin/sh\n/sbin/iptables-restore < /etc/network/iptables\n";
export const CONFIG = `[options]
	UseSyslog

[openSSH]
	sequence    = 4438,1813,8235
	seq_timeout = 10
	tcpflags    = syn
	command     = /sbin/iptables -A KNOCKD -s %IP% -p tcp --dport 22 -j ACCEPT
`;
