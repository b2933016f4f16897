// Tests knockctl init with systemd: a systemd timer rolls back, knockd.service tries the new config, a reboot undoes
// what is not confirmed, and --persist restores what is. What happens when any part dies: test/live/init.test.ts.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { afterEach, describe, it } from "node:test";
import { Machine, needsRoot, RELEASES } from "./machine.ts";
import { install, isListening, OURS, opens } from "./scene.ts";

const OWN = `# mine
[options]
	UseSyslog
[web]
	sequence = 5151,1313,6262
	tcpflags = syn
	command  = touch /run/knocked
`;
const SSHD = "import socket; s = socket.create_server(('0.0.0.0', 22))\nwhile True: s.accept()";

for (const release of RELEASES) {
  describe(`knockctl init on ${release}`, { skip: needsRoot }, () => {
    let machine: Machine;
    afterEach(() => machine.close());

    async function withOurs(config?: string): Promise<void> {
      machine = await Machine.boot(release);
      machine.wire.spawn("server", ["python3", "-c", SSHD], { stdio: "ignore" });
      await install(machine, OURS);
      if (config !== undefined) machine.write("etc/knockd.conf", config);
      await machine.until(() => machine.isOpen(22), "sshd");
    }

    const init = (words: string) => machine.run(`knockctl init --interface eth0 ${words}`);
    const inNamespace = (command: string) =>
      execFileSync("ip", ["netns", "exec", machine.wire.namespaces.server, "sh", "-c", command], { encoding: "utf8" });
    const tables = () => inNamespace("iptables -S; ip6tables -S; nft -s list ruleset");
    const sequence = () =>
      /sequence\s+= (\S+)\n\tseq_timeout = 15/.exec(machine.read("etc/knockd.conf"))![1]!.split(",");
    const trialSequence = async () =>
      /sequence\s+= (\S+)\n\tseq_timeout = 15/
        .exec(await machine.ok("cat /run/knockd-init/knockd.conf"))![1]!
        .split(",");
    const isTimed = async () => (await machine.property("ActiveState", "knockd-init-rollback.timer")) === "active";

    /** A firewall that drops sends no answer. */
    const isReached = async () => {
      const probe = `import socket\nsocket.create_connection(('${machine.wire.server}', 22), 1).close()`;
      return (await machine.wire.run("client", ["python3", "-c", probe])).status === 0;
    };

    /**
     * A real boot clears the kernel's rules. Here the kernel is the host's and keeps running, so the test clears them.
     */
    async function reboot(): Promise<void> {
      await machine.powerOff();
      inNamespace("nft flush ruleset");
      await machine.start();
    }

    const isClosed = async () => (await machine.run("knockctl gate show tcp/22")).status === 0;

    it("is confirmed in the new session; after a reboot the port is closed before the network is up, in a hardened unit", async () => {
      await withOurs();
      const begun = await init("--yes --persist");
      assert.equal(begun.status, 0, begun.stderr);
      assert.match(begun.stdout, /^firewall {3}gate: knockd's own table/m);
      assert.equal(await isTimed(), true);
      assert.match(machine.read("etc/knockd.conf"), /4438,1813,8235/, "nothing on the disk yet");
      await isListening(machine);
      assert.match((await machine.run("knockctl init --confirm")).stderr, /no client has knocked/);
      await opens(machine, await trialSequence());
      assert.equal((await machine.run("ls /var/lib/knockd/*.gate")).status, 2, "a trial outlives no reboot");
      const { status, stderr } = await machine.run("knockctl init --confirm");
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(machine.read("etc/knockd.conf"), /4438|knockd-init|command/);
      assert.match(machine.read("etc/knockd.conf"), /^\topen {8}= tcp\/22$/m);
      assert.equal(await machine.ok("stat -c '%a %U %G' /etc/knockd.conf"), "640 root root\n");
      assert.match(machine.read("etc/knockd.conf.before-init"), /4438,1813,8235/);
      assert.equal(await isTimed(), false);
      await isListening(machine);
      const exposed = await machine.ok("systemd-analyze security --no-pager knockd.service");
      const level = Number(/exposure level for knockd\.service: ([\d.]+)/.exec(exposed)![1]);
      assert.ok(level <= 2, `${level}`);

      await reboot();
      await machine.until(async () => (await machine.property("ActiveState")) === "active", "knockd");
      await isListening(machine);
      assert.equal(await machine.property("Result", "knockd-gate"), "success");
      const began = async (unit: string) => Number(await machine.property("ActiveEnterTimestampMonotonic", unit));
      assert.ok((await began("knockd-gate.service")) <= (await began("network-pre.target")), "before the network");
      assert.equal(await machine.isOpen(22), false);
      assert.equal(await isClosed(), true);
      await opens(machine, sequence());

      await machine.ok("mv /etc/knockd.conf /etc/away");
      await reboot();
      await machine.until(async () => (await machine.property("Result", "knockd-gate")) === "exit-code", "its end");
      assert.match(
        await machine.ok("journalctl -b -u knockd-gate -o cat"),
        /\/etc\/knockd\.conf: No such file or directory\ngate: closed what it closed before the config was lost: tcp\/22\nTo open it: knockctl gate open\./,
      );
      assert.equal(await machine.isOpen(22), false);
      await machine.ok("mv /etc/away /etc/knockd.conf && systemctl restart knockd");
      await opens(machine, sequence());
      await machine.ok("systemctl stop knockd"); // and its door is closed again
      assert.equal(await machine.isOpen(22), false);
      await machine.ok("systemctl disable knockd-gate && knockctl gate open");
      assert.equal(await machine.isOpen(22), true);
      await machine.ok("systemctl restart knockd-gate");
      assert.equal(await machine.isOpen(22), false);
      await machine.ok("apt-get purge -y knockd </dev/null");
      assert.equal(await machine.isOpen(22), true);
      assert.equal(await machine.ok("find /etc -name '*knockd*'"), "");
    });

    it("is confirmed with a mark if the user's own nft closes the port: the rule returns after a reboot and after nftables", async () => {
      await withOurs();
      machine.write(
        "etc/nftables.conf",
        `#!/usr/sbin/nft -f
flush ruleset
table inet filter {
  chain input {
    type filter hook input priority 0; policy drop;
    ct state established,related accept
    meta l4proto { icmp, ipv6-icmp } accept
  }
}
`,
      );
      await machine.ok("systemctl enable --now nftables");
      assert.equal(await isReached(), false);
      const begun = await init("--yes --persist --timeout 3600");
      assert.equal(begun.status, 0, begun.stderr);
      assert.match(begun.stdout, /^firewall {3}mark: your nft rules close port 22 already/m);
      await machine.knock(...(await trialSequence()));
      await machine.until(isReached, "open door");
      const { status, stderr } = await machine.run("knockctl init --confirm");
      assert.equal(status, 0, stderr);
      const again = async () => {
        await isListening(machine);
        assert.equal(await isReached(), false);
        await machine.knock(...sequence());
        await machine.until(isReached, "open door");
        await machine.ok("systemctl restart knockd");
      };
      await machine.ok("systemctl restart knockd");
      await again();
      await machine.ok("systemctl restart nftables");
      await machine.ok("systemctl restart knockd");
      await again();
      await machine.ok("systemctl reload nftables");
      await again();
      await reboot();
      await machine.until(async () => (await machine.property("ActiveState")) === "active", "knockd");
      await again();
    });

    it("is rolled back by systemd: the exact config, the tables, and knockd, which listens for the old doors", async () => {
      await withOurs(OWN);
      await machine.ok("systemctl start knockd && iptables -A INPUT -p tcp --dport 22 -j ACCEPT");
      const before = tables();
      const begun = await init("--yes --minutes 0.5");
      assert.equal(begun.status, 0, begun.stderr);
      assert.equal(await machine.isOpen(22), false);
      await machine.until(async () => (await machine.run("test -e /run/knockd-init/id")).status !== 0, "rollback");
      assert.equal(tables(), before);
      assert.equal(machine.read("etc/knockd.conf"), OWN);
      assert.equal(await machine.isOpen(22), true);
      await isListening(machine);
      await machine.knock(5151, 1313, 6262);
      await machine.until(async () => (await machine.run("test -e /run/knocked")).status === 0, "old door");
      await machine.until(
        async () => machine.read("var/log/syslog").includes("init: rolled back: not confirmed"),
        "line",
      );
      assert.match(
        (await machine.run("knockctl init --confirm")).stderr,
        /rolled back: not confirmed within 0\.5 minutes/,
      );
    });

    it("is undone by a reboot", async () => {
      await withOurs(OWN);
      const begun = await init("--yes --persist");
      assert.equal(begun.status, 0, begun.stderr);
      await opens(machine, await trialSequence());
      await reboot();
      assert.equal(machine.read("etc/knockd.conf"), OWN);
      assert.equal(await machine.isOpen(22), true);
      assert.equal(await machine.property("ActiveState"), "inactive");
      assert.equal(await isTimed(), false);
      assert.equal((await machine.run("systemctl is-enabled knockd")).stdout, "disabled\n");
      assert.equal(
        await machine.ok("ls -d /etc/knockd* /etc/systemd/system/knockd* 2>/dev/null || :"),
        "/etc/knockd.conf\n",
      );
    });

    it("closes nothing if knockd captures nothing, and keeps nothing if it would not with the config", async () => {
      await withOurs(OWN);
      await machine.ok("systemctl start knockd");
      const before = tables();
      const deaf = await machine.run("knockctl init --yes --interface nosuch0");
      assert.equal(deaf.status, 1);
      assert.match(deaf.stderr, /^knockctl: rolled back: knockd (does not receive knocks|is not listening)/);
      assert.equal(tables(), before);
      await isListening(machine);

      // Here the config is one that knockd.service does not read.
      machine.write("etc/other.conf", OWN);
      machine.write("etc/default/knockd", 'KNOCKD_OPTS="-i eth0 -c /etc/other.conf"\n');
      await machine.ok("systemctl restart knockd");
      const begun = await init("--yes");
      assert.equal(begun.status, 0, begun.stderr);
      await opens(machine, await trialSequence());
      const { status, stderr } = await machine.run("knockctl init --confirm --persist");
      assert.equal(status, 1);
      assert.match(
        stderr,
        /not confirmed: knockd does not receive knocks: knockctl: no knockd runs with \/etc\/knockd\.conf/,
      );
      assert.equal(machine.read("etc/knockd.conf"), OWN);
      assert.equal(tables(), before);
      assert.equal(await machine.isOpen(22), true);
      await isListening(machine);
    });

    it("undoes a confirmation that fails at its end", async () => {
      await withOurs(OWN);
      const look = () =>
        machine.ok(
          "iptables -S; ip6tables -S; nft -s list ruleset; find /etc -name '*knockd*'; cat /etc/knockd.conf; systemctl is-enabled knockd || :",
        );
      // Fails because the unit that would close the port at boot can't be enabled.
      await machine.ok("ln -s /dev/null /etc/systemd/system/knockd-gate.service");
      const before = await look();
      const begun = await init("--yes");
      assert.equal(begun.status, 0, begun.stderr);
      await opens(machine, await trialSequence());
      const { status, stderr } = await machine.run("knockctl init --confirm --persist");
      assert.equal(status, 1);
      assert.match(stderr, /^knockctl: not confirmed: .*masked/);
      assert.equal(await look(), before);
      assert.equal(await machine.isOpen(22), true);
    });

    it("runs its trial in the hardened unit, and is refused if knockd runs as its own user", async () => {
      await withOurs(OWN);
      const use = (conf: string) =>
        machine.ok(
          `mkdir -p /etc/systemd/system/knockd.service.d && cp /usr/share/doc/knockd/examples/${conf} /etc/systemd/system/knockd.service.d/x.conf && systemctl daemon-reload`,
        );
      await use("knockd-hardened.conf");
      const begun = await init("--yes");
      assert.equal(begun.status, 0, begun.stderr);
      await opens(machine, await trialSequence());
      const { status, stderr } = await machine.run("knockctl init --confirm");
      assert.equal(status, 0, stderr);
      await isListening(machine);
      await use("knockd-unprivileged.conf");
      assert.match((await init("--yes --door other")).stderr, /runs as a user of its own/);
    });
  });
}
