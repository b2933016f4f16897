// Tests knockd.service as the package installs it, on booted machines.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { afterEach, describe, it } from "node:test";
import { Machine, needsRoot, RELEASES } from "./machine.ts";
import { CONFIG, firewall, install, isListening, OURS, opens, SSH, WHILE } from "./scene.ts";

const BUILT_IN = "[options]\n\tUseSyslog\n[door]\n\tsequence = 4438,1813,8235\n\topen = tcp/22\n";

for (const release of RELEASES) {
  describe(`knockd.service on ${release}`, { skip: needsRoot }, () => {
    let machine: Machine;
    afterEach(() => machine.close());

    async function withOurs(): Promise<void> {
      machine = await Machine.boot(release);
      await firewall(machine);
      await install(machine, OURS);
      machine.write("etc/knockd.conf", CONFIG);
      await machine.ok("systemctl enable --now knockd");
    }

    const restarts = async () => Number(await machine.property("NRestarts"));

    it("has an exposure of 5.5 at most, and systemd reports no fault", async () => {
      await withOurs();
      const [, exposure] = /exposure level for knockd\.service: ([\d.]+)/.exec(
        await machine.ok("systemd-analyze security --no-pager knockd.service"),
      )!;
      assert.ok(Number(exposure) <= 5.5, exposure);
      const { stdout, stderr } = await machine.run("systemd-analyze verify --man=no knockd.service");
      assert.equal(`${stdout}${stderr}`.match(/knockd[^\n]*/), null);
    });

    it("is restarted after every SIGKILL, and closes what was open", async () => {
      await withOurs();
      await opens(machine, WHILE);
      for (let kills = 1; kills <= 6; kills++) {
        await machine.ok("kill -9 $(systemctl show -P MainPID knockd)");
        await machine.until(async () => (await restarts()) === kills, "restart");
        await machine.until(async () => (await machine.property("ActiveState")) === "active", "READY");
      }
      await isListening(machine);
      assert.equal(await machine.isOpen(22), true, "its time is not over");
      await machine.ok("systemctl stop knockd");
      assert.equal(await machine.isOpen(22), false);
      assert.equal(await machine.property("ActiveState"), "inactive");
    });

    it("is killed by the watchdog if it hangs, and restarted", async () => {
      await withOurs();
      await machine.ok("mkdir -p /etc/systemd/system/knockd.service.d");
      machine.write("etc/systemd/system/knockd.service.d/test.conf", "[Service]\nWatchdogSec=2\n");
      await machine.ok("systemctl daemon-reload && systemctl restart knockd");
      const { stdout } = await machine.run("sleep 5; systemctl show -P NRestarts knockd"); // longer than two intervals of the watchdog
      assert.equal(stdout, "0\n");
      await machine.ok("kill -STOP $(systemctl show -P MainPID knockd)");
      await machine.until(async () => (await restarts()) === 1, "restart");
      await machine.until(async () => (await machine.property("ActiveState")) === "active", "READY");
      await opens(machine, SSH);
    });

    it("closes open doors at a restart, or keeps them with On_Exit = keep", async () => {
      await withOurs();
      await opens(machine, WHILE);
      await machine.ok("systemctl restart knockd");
      assert.equal(await machine.isOpen(22), false);
      machine.write("etc/knockd.conf", CONFIG.replace("UseSyslog", "UseSyslog\n\tOn_Exit = keep"));
      await machine.ok("systemctl reload knockd");
      await machine.until(async () => machine.read("var/log/syslog").includes("re-reading config file"), "reload");
      await opens(machine, WHILE);
      await machine.ok("systemctl restart knockd");
      assert.equal(await machine.isOpen(22), true);
    });

    it("fails to reload a wrong config, with its error in the journal, and keeps the old one", async () => {
      await withOurs();
      machine.append("etc/knockd.conf", "sequence = 1,2\nnonsense\n");
      const { status } = await machine.run("systemctl reload knockd");
      assert.equal(status, 1);
      assert.match(await machine.ok("journalctl -u knockd --no-pager"), /line 15/);
      await isListening(machine);
      assert.doesNotMatch(machine.read("var/log/syslog"), /re-reading config file/);
      await opens(machine, SSH);
      machine.write("etc/knockd.conf", CONFIG.replace("4438,1813,8235", "2323,1919,4545"));
      await machine.ok("iptables -F KNOCKD && systemctl reload knockd");
      await machine.until(async () => machine.read("var/log/syslog").includes("re-reading config file"), "reload");
      await opens(machine, [2323, 1919, 4545]);
    });

    it("fails to reload a config that only the running daemon refuses, with the reason in the journal", async () => {
      await withOurs();
      machine.write("etc/knockd.conf", BUILT_IN);
      await machine.ok("systemctl restart knockd");
      await machine.until(async () => machine.read("var/log/syslog").includes("locked down"), "lock");
      await machine.ok("systemctl reload knockd");
      machine.write("etc/knockd.conf", `${BUILT_IN}${CONFIG.slice(CONFIG.indexOf("[while]"))}`);
      const { status } = await machine.run("systemctl reload knockd");
      assert.equal(status, 1);
      assert.match(await machine.ok("journalctl -u knockd --no-pager"), /door 'while' has a command, and this knockd/);
      await isListening(machine);
      await machine.ok("systemctl restart knockd && systemctl reload knockd");
    });

    it("has the new config in force when a reload returns", async () => {
      await withOurs();
      for (const port of [4001, 4002, 4003]) {
        machine.write("etc/knockd.conf", CONFIG.replace("4438,1813,8235", `${port},4100,4200`));
        await machine.ok("systemctl reload knockd");
        assert.match(await machine.ok("knockctl doors --secrets --json"), new RegExp(`"sequence":"${port}\\b`));
      }
    });

    it("listens after a reboot before its interface has an address, and opens once it has", async () => {
      await withOurs();
      const server = (...words: string[]) => execFileSync("ip", ["-n", machine.wire.namespaces.server, ...words]);
      await machine.powerOff();
      server("address", "flush", "dev", "eth0");
      server("link", "set", "eth0", "down");
      await machine.start();
      assert.equal(await machine.property("ActiveState"), "active");
      assert.match(await machine.property("StatusText"), /eth0/);
      assert.doesNotMatch(await machine.property("StatusText"), /10\.77\.0\.1/);
      assert.equal(await restarts(), 0);
      server("link", "set", "eth0", "up");
      server("address", "add", "10.77.0.1/24", "dev", "eth0");
      await machine.until(async () => (await machine.property("StatusText")).includes("10.77.0.1"), "address");
      await isListening(machine);
      await opens(machine, SSH);
    });
  });
}
