// The drop-in for a knockd.service whose doors run no command: examples/knockd-built-in.conf is this text.

export const HARDENING_PATH = "/etc/systemd/system/knockd.service.d/knockd-built-in.conf";

export const HARDENING = `# For a knockd whose doors are all built-in ("open = tcp/22") and run no command. knockctl init writes it to:
#   /etc/systemd/system/knockd.service.d/knockd-built-in.conf
# LogFile needs /var/log, One_Time_Sequences its own folder: the last lines. A door with a command needs another drop-in
# (knockd-hardened.conf).

[Service]
# A raw socket to listen, netlink to open. The kernel loads nf_tables by itself.
CapabilityBoundingSet=
CapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN
NoNewPrivileges=yes
# Nobody is spoken to by IP: knocks are seen, not received. (-l, and a Target that is a name, need the resolver: leave these
# two lines out then, and IPAddressDeny.)
RestrictAddressFamilies=
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_PACKET
IPAddressDeny=any
# All of the machine is read-only but /run/knockd …
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
# No network namespace of its own, no PrivateUsers: a raw socket in there hears nothing.
# Node makes code at run time: MemoryDenyWriteExecute would end it.
# What would end Node is answered with EPERM; @pkey is what Node 18 and 20 ask for at their start.
SystemCallFilter=@system-service @pkey
SystemCallFilter=~@privileged @resources @mount @swap @reboot @clock @cpu-emulation @debug @module @obsolete @raw-io
# knockd itself gives up what it does not need (capset, seccomp).
SystemCallFilter=capset seccomp
SystemCallErrorNumber=EPERM
# … and, with LogFile or One_Time_Sequences, for example:
#ReadWritePaths=/var/log /etc/knockd
`;
