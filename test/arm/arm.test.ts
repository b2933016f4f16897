// Tests the arm64 package on a whole machine in QEMU, with Debian's kernel, systemd and packet sockets: it replaces
// Debian's knockd, then follows the how-to line by line, and survives a reboot.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { isOpen, knock } from "../boot/knocker.ts";
import { CONFIG, RESTORE, RULES, SAVE } from "../howto/lines.ts";
import { isOf08 } from "../live/daemon.ts";
import { needsRoot } from "../live/wire.ts";
import { Pi } from "./pi.ts";
import { isListening, setAddress, startSshd } from "./scene.ts";

const WHILE = `
[while]
	sequence      = 5151,6262:udp,1313
	tcpflags      = syn
	start_command = /usr/sbin/nft add rule ip filter KNOCKD ip saddr %IP% tcp dport 22 accept
	cmd_timeout   = 600
	stop_command  = /usr/sbin/nft flush chain ip filter KNOCKD
`;
const SSH = [4438, 1813, 8235];
const DEFAULTS = "START_KNOCKD=0\nKNOCKD_OPTS=\n";
const CURLS = "for port in 4438 1813 8235; do curl -s --max-time 1 http://10.77.0.1:$port & sleep 0.2; done; wait";

describe("the package on a whole arm64 machine", { skip: needsRoot }, () => {
  let pi: Pi;
  afterEach(() => pi?.close());

  const lines = async () =>
    (await pi.ok("cat /var/log/syslog"))
      .split("\n")
      .filter((line) => / knockd: (10\.77\.0\.2: )?openSSH: /.test(line) && isOf08(line));
  const opens = async (...knocks: (number | string)[]) => {
    assert.equal(await isOpen(pi.wire, 22), false, "closed before the knock");
    await knock(pi.wire, ...knocks);
    await pi.until(() => isOpen(pi.wire, 22), "open door");
  };

  it("replaces 0.8, opens, closes, and is back after a reboot before there is an address", async (t) => {
    pi = await Pi.boot("bookworm-arm64");
    const { wire } = pi;
    t.diagnostic((await pi.ok("uname -srm; node --version; dpkg --print-architecture")).replaceAll("\n", "; "));
    await setAddress(pi);
    await pi.write(
      "etc/rsyslog.d/form.conf",
      'module(load="builtin:omfile" Template="RSYSLOG_TraditionalFileFormat")\n',
    );
    await pi.ok("systemctl restart rsyslog");
    await pi.ok(RULES + SAVE);
    await pi.write("etc/network/if-pre-up.d/iptables", RESTORE);
    await pi.ok("chmod +x /etc/network/if-pre-up.d/iptables");
    await startSshd(pi);

    // Debian's knockd, running and enabled, and ours in its place
    await pi.ok("dpkg -i /mnt/srv/knockd_0.8*.deb </dev/null");
    await pi.write("etc/knockd.conf", CONFIG + WHILE);
    await pi.write("etc/default/knockd", DEFAULTS);
    await pi.ok("systemctl enable --now knockd");
    assert.match(await pi.ok("knockd -V"), /^knockd 0\.8\n/);
    await pi.ok("apt-get install -y /srv/knockd_*_arm64.deb </dev/null");
    await isListening(pi);
    t.diagnostic((await pi.ok("knockd -V")).trim());
    // Run by Debian's Node as a library (native/launcher.cc).
    assert.equal(await pi.ok("readlink /proc/$(systemctl show -P MainPID knockd)/exe"), "/usr/sbin/knockd\n");
    assert.equal(await pi.ok("cat /etc/knockd.conf /etc/default/knockd"), CONFIG + WHILE + DEFAULTS);
    assert.equal(await pi.ok("systemctl is-enabled knockd"), "enabled\n");

    // knock HOST 4438 1813 8235
    const result = await pi.ok("knockctl self-test");
    assert.match(result, /^knockd \S+ is listening \(pid \d+, self-test of 12 knocks\)$/m);
    t.diagnostic(result.trim());
    await opens(...SSH);
    await pi.until(async () => (await lines()).length >= 5, "five lines in /var/log/syslog");
    const form = /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d raspberrypi knockd: /;
    const said = await lines();
    for (const line of said) assert.match(line, form);
    assert.deepEqual(
      said.map((line) => line.replace(form, "")),
      [
        "10.77.0.2: openSSH: Stage 1",
        "10.77.0.2: openSSH: Stage 2",
        "10.77.0.2: openSSH: Stage 3",
        "10.77.0.2: openSSH: OPEN SESAME",
        "openSSH: running command: /sbin/iptables -A KNOCKD -s 10.77.0.2 -p tcp --dport 22 -j ACCEPT",
      ],
    );
    assert.match(await pi.ok("journalctl --no-pager -t knockd"), /10\.77\.0\.2: openSSH: OPEN SESAME\n/);
    assert.match(await pi.ok("iptables -L -v -n"), /ACCEPT +(6|tcp) .* 10\.77\.0\.2 +0\.0\.0\.0\/0 +tcp dpt:22/);

    // curl as a client, after the nightly closing
    await pi.ok("sh /usr/share/doc/knockd/examples/clear_knockd_iptables");
    assert.equal(await isOpen(wire, 22), false);
    await wire.run("client", ["sh", "-c", CURLS]);
    await pi.until(() => isOpen(wire, 22), "open door by curl");

    // a door with a stop command, by nft: closed when the service is stopped
    await pi.ok("iptables -F KNOCKD");
    await opens(5151, "6262:udp", 1313);
    await pi.ok("kill -9 $(systemctl show -P MainPID knockd)");
    await pi.until(async () => (await pi.property("NRestarts")) === "1", "restart");
    await isListening(pi);
    assert.equal(await isOpen(wire, 22), true, "its time is not over");
    await pi.ok("systemctl stop knockd");
    assert.equal(await isOpen(wire, 22), false);

    // a reboot: it listens before there is an address, and the rules are back
    await pi.write(
      "etc/network/if-pre-up.d/00late",
      "#!/bin/sh\nfor i in $(seq 3000); do [ -e /run/now ] && exit; sleep 0.1; done\n",
    );
    await pi.ok("chmod +x /etc/network/if-pre-up.d/00late");
    await pi.reboot(async () => {
      await pi.until(async () => (await pi.property("ActiveState")) === "active", "knockd");
      assert.doesNotMatch(await pi.property("StatusText"), /10\.77\.0\.1/);
      await pi.ok("touch /run/now");
    });
    await isListening(pi);
    assert.equal(await pi.property("NRestarts"), "0");
    await startSshd(pi);
    assert.match(await pi.ok("iptables -S"), /-A INPUT -j KNOCKD\n-A INPUT -j REJECT/);
    await opens(...SSH);
    t.diagnostic((await pi.run("systemd-analyze time; ps -o rss= -C knockd")).stdout.replaceAll("\n", "; "));
  });
});
