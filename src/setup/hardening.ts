// The drop-in for knockd.service if no door runs a command. examples/knockd-built-in.conf has the same text.

export const HARDENING_PATH = "/etc/systemd/system/knockd.service.d/knockd-built-in.conf";

export const HARDENING = `# For a knockd whose doors are all built-in ("open = tcp/22") and run no command. knockctl init writes it to:
#   /etc/systemd/system/knockd.service.d/knockd-built-in.conf
# LogFile needs /var/log, and One_Time_Sequences its own directory: see the last lines. If a door has a command, use
# knockd-hardened.conf instead.

[Service]
# A raw socket to listen, and netlink to open doors. The kernel loads nf_tables itself.
CapabilityBoundingSet=
CapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN
NoNewPrivileges=yes
# knockd sends and receives nothing by IP; it only captures. Remove these lines and IPAddressDeny if you use -l or a Target that
# is a name: both need the resolver.
RestrictAddressFamilies=
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_PACKET
IPAddressDeny=any
# Everything but /run/knockd is read-only …
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectProc=invisible
RemoveIPC=yes
UMask=0077
# No PrivateNetwork and no PrivateUsers: a raw socket inside them receives nothing.
# No MemoryDenyWriteExecute: Node generates code at run time.
# A forbidden call fails with EPERM instead of killing Node. Node 18 and 20 need @pkey at their start.
SystemCallFilter=@system-service @pkey
SystemCallFilter=~@privileged @resources @mount @swap @reboot @clock @cpu-emulation @debug @module @obsolete @raw-io
# knockd needs these two to give up its own rights.
SystemCallFilter=capset seccomp
SystemCallErrorNumber=EPERM
# … and, for LogFile or One_Time_Sequences, for example:
#ReadWritePaths=/var/log /etc/knockd
`;
