// Tests that the package replaces Debian's knockd, on booted machines.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { afterEach, describe, it } from "node:test";
import { Machine, needsRoot, RELEASES } from "./machine.ts";
import { CONFIG, firewall, install, isListening, JUDGE, judgeIsListening, OURS, opens, SSH, WHILE } from "./scene.ts";

const DEFAULTS = 'START_KNOCKD=1\nKNOCKD_OPTS="-i eth0 -g /var/log/knockd.log"\n';

for (const release of RELEASES) {
  describe(`our package on ${release}`, { skip: needsRoot }, () => {
    let machine: Machine;
    afterEach(() => machine.close());

    /** A Debian system that has used Debian's knockd for years. */
    async function withJudge(defaults = DEFAULTS): Promise<void> {
      machine = await Machine.boot(release);
      await firewall(machine);
      await install(machine, JUDGE);
      machine.write("etc/knockd.conf", CONFIG);
      machine.write("etc/default/knockd", defaults);
      await machine.ok("systemctl enable --now knockd");
      await judgeIsListening(machine);
    }

    it("replaces Debian's running knockd: config and options are kept, it is enabled and listens", async () => {
      await withJudge();
      await opens(machine, SSH);
      const judge = await machine.property("MainPID");
      await machine.ok("iptables -F KNOCKD");
      await install(machine, OURS);
      await isListening(machine);
      assert.notEqual(await machine.property("MainPID"), judge);
      assert.match(await machine.ok("knockd -V"), /knockd-ng/);
      assert.equal(await machine.ok("systemctl is-enabled knockd"), "enabled\n");
      assert.deepEqual([machine.read("etc/knockd.conf"), machine.read("etc/default/knockd")], [CONFIG, DEFAULTS]);
      await opens(machine, SSH);
      assert.match(machine.read("var/log/knockd.log"), /10\.77\.0\.2: openSSH: OPEN SESAME\n/); // -g of KNOCKD_OPTS
      for (const file of [
        "/usr/bin/knock",
        "/usr/sbin/knock_helper_ipt.sh",
        "/usr/lib/systemd/system/knockd.service",
      ]) {
        await machine.ok(`test -e ${file}`);
      }
      assert.equal(
        (await machine.ok("ls /etc/knockd* /etc/default/knockd* /etc/init.d/knockd*")).split("\n").length,
        4,
      );
    });

    it("fails to reload a wrong config and goes on, where Debian's ends", async () => {
      await withJudge();
      const reload = async () => (await machine.run("systemctl reload knockd")).status;
      machine.append("etc/knockd.conf", "nonsense\n");
      await reload();
      await machine.until(async () => (await machine.property("ActiveState")) === "failed", "end of Debian's");
      machine.write("etc/knockd.conf", CONFIG);
      await machine.ok("systemctl start knockd");
      await install(machine, OURS);
      machine.append("etc/knockd.conf", "nonsense\n");
      assert.equal(await reload(), 1);
      await isListening(machine);
    });

    it("stays disabled and stopped if Debian's was", async () => {
      await withJudge();
      await machine.ok("systemctl disable --now knockd");
      await install(machine, OURS);
      assert.equal((await machine.run("systemctl is-enabled knockd")).stdout, "disabled\n");
      assert.equal(await machine.property("ActiveState"), "inactive");
    });

    it("starts with START_KNOCKD=0, because it is enabled, without a warning", async () => {
      await withJudge('START_KNOCKD=0\nKNOCKD_OPTS="-i eth0"\n');
      await install(machine, OURS);
      await isListening(machine);
      await machine.ok("systemctl reload knockd");
      await machine.until(async () => machine.read("var/log/syslog").includes("re-reading config file"), "reload");
      assert.doesNotMatch(machine.read("var/log/syslog"), /START_KNOCKD/);
    });

    it("obeys START_KNOCKD under sysvinit, whose script starts, reloads, reports and stops it", async () => {
      machine = await Machine.boot(release);
      await firewall(machine);
      await install(machine, OURS);
      machine.write("etc/knockd.conf", CONFIG);
      const init = (word: string) =>
        machine.run(`SYSTEMCTL_SKIP_REDIRECT=1 _SYSTEMCTL_SKIP_REDIRECT=1 /etc/init.d/knockd ${word} </dev/null`);
      machine.write("etc/default/knockd", 'START_KNOCKD=0\nKNOCKD_OPTS="-i eth0"\n');
      assert.match((await init("start")).stdout, /not started/);
      assert.equal((await init("status")).status, 3);
      machine.write("etc/default/knockd", DEFAULTS);
      assert.equal((await init("start")).status, 0);
      assert.equal((await init("status")).status, 0);
      await opens(machine, SSH);
      assert.equal((await init("reload")).status, 0);
      machine.append("etc/knockd.conf", "nonsense\n");
      const { status, stderr } = await init("reload");
      assert.equal(status, 1);
      assert.match(stderr, /line 14/);
      await init("stop");
      assert.equal((await init("status")).status, 3);
      assert.equal((await machine.run("pidof knockd; ls /run/knockd.pid")).stdout, "");
    });

    it("can be removed, and Debian's returns with the unchanged config", async () => {
      await withJudge();
      await install(machine, OURS);
      await machine.ok("apt-get remove -y knockd </dev/null");
      assert.equal((await machine.run("pidof knockd")).stdout, "");
      assert.equal(machine.read("etc/knockd.conf"), CONFIG);
      await install(machine, JUDGE);
      await machine.ok("systemctl start knockd");
      await judgeIsListening(machine);
      assert.deepEqual([machine.read("etc/knockd.conf"), machine.read("etc/default/knockd")], [CONFIG, DEFAULTS]);
      await opens(machine, SSH);
    });

    for (const [onExit, isOpen] of [
      ["close", false],
      ["keep", true],
    ] as const) {
      it(`after an upgrade has open doors ${isOpen ? "kept" : "closed"} with On_Exit = ${onExit}`, async () => {
        machine = await Machine.boot(release);
        await firewall(machine);
        await install(machine, OURS);
        machine.write("etc/knockd.conf", CONFIG.replace("UseSyslog", `UseSyslog\n\tOn_Exit = ${onExit}`));
        await machine.ok("systemctl enable --now knockd");
        await opens(machine, WHILE);
        await machine.ok(
          `cd /srv && dpkg-deb -R ${OURS} new && sed -i 's/^Version: .*/Version: 9.9-1/' new/DEBIAN/control && dpkg-deb -b new new.deb`,
        );
        await install(machine, "/srv/new.deb");
        await isListening(machine);
        assert.equal(await machine.isOpen(22), isOpen);
        await machine.ok("systemctl stop knockd");
        if (!isOpen) return;
        // The next daemon finds the door in its ledger, and closes it when asked to.
        machine.write("etc/knockd.conf", CONFIG);
        await machine.ok("systemctl start knockd && systemctl stop knockd");
        assert.equal(await machine.isOpen(22), false);
      });
    }

    it("is not started and not enabled on a new system; its config is readable only by root; purge leaves nothing", async () => {
      machine = await Machine.boot(release);
      const files = () =>
        machine.ok(
          "find / -xdev \\( -path /proc -o -path /sys -o -path /srv -o -path /var/log -o -path /var/cache \\) -prune -o -print | sort",
        );
      const before = await files();
      const logs = readdirSync(`${machine.root}/var/log`);
      await install(machine, OURS);
      assert.equal(await machine.property("ActiveState"), "inactive");
      assert.equal(await machine.ok("stat -c '%a %U:%G' /etc/knockd.conf"), "640 root:root\n");
      machine.append("etc/default/knockd", 'KNOCKD_OPTS="-g /var/log/knockd.log"\n');
      await machine.ok("systemctl enable --now knockd");
      await isListening(machine);
      await machine.ok("logrotate --force /etc/logrotate.d/knockd");
      await machine.until(async () => {
        await machine.knock(4438);
        return machine.read("var/log/knockd.log").includes("Stage 1");
      }, "new log file");
      await machine.ok("test -s /var/log/knockd.log.1 && dpkg --verify knockd && apt-get purge -y knockd </dev/null");
      const unknown = new Set(before.split("\n"));
      const left = (await files()).split("\n").filter((file) => !unknown.has(file));
      const foreign = /^\/(var\/lib\/(apt|dpkg|logrotate|systemd\/deb-systemd-helper-enabled$)|run\/|tmp\/|var\/tmp\/)/;
      assert.deepEqual(
        left.filter((file) => !foreign.test(file)),
        [],
      );
      assert.equal((await machine.run("ls -d /run/knockd* /var/lib/dpkg/info/knockd.*")).stdout, "");
      assert.deepEqual(
        readdirSync(`${machine.root}/var/log`).filter((file) => !logs.includes(file) && /knock/.test(file)),
        [],
      );
      assert.equal((await machine.run("systemctl cat knockd")).status, 1);
    });
  });
}
