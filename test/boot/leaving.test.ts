// Tests that users can leave knockd: after knockctl init, after a removal, and back to knockd 0.8.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { afterEach, describe, it } from "node:test";
import { Machine, needsRoot, RELEASES } from "./machine.ts";
import { CONFIG, firewall, install, isListening, JUDGE, judgeIsListening, OURS, opens, SSH } from "./scene.ts";

const SSHD = "import socket; s = socket.create_server(('0.0.0.0', 22))\nwhile True: s.accept()";
const GUARD = "/etc/systemd/system/multi-user.target.wants/knockd-gate.service";

for (const release of RELEASES) {
  describe(`leaving knockd on ${release}`, { skip: needsRoot }, () => {
    let machine: Machine;
    afterEach(() => machine.close());

    async function booted(): Promise<void> {
      machine = await Machine.boot(release);
      machine.wire.spawn("server", ["python3", "-c", SSHD], { stdio: "ignore" });
      await machine.until(() => machine.isOpen(22), "sshd");
    }
    /** The sequence of the last door that init wrote there. */
    const sequence = async (file: string) =>
      [...(await machine.ok(`cat ${file}`)).matchAll(/sequence\s+= (\S+)\n\tseq_timeout = 15/g)].at(-1)![1]!.split(",");

    /** What knockctl init sets up, confirmed. */
    async function withDoor(...words: readonly string[]): Promise<void> {
      const begun = await machine.run(`knockctl init --yes --interface eth0 --timeout 3600 ${words.join(" ")}`);
      assert.equal(begun.status, 0, begun.stderr);
      await opens(machine, await sequence("/run/knockd-init/knockd.conf"));
      const { status, stderr } = await machine.run("knockctl init --confirm");
      assert.equal(status, 0, stderr);
      assert.equal(await machine.isOpen(22), false);
    }

    /**
     * A real boot clears the kernel's rules. Here the kernel is the host's and keeps running, so the test clears them.
     */
    async function reboot(): Promise<void> {
      await machine.powerOff();
      execFileSync("ip", ["netns", "exec", machine.wire.namespaces.server, "nft", "flush", "ruleset"]);
      await machine.start();
    }

    const remove = async () => {
      const { status, stdout, stderr } = await machine.run("apt-get remove -y knockd </dev/null");
      assert.equal(status, 0, stderr);
      return (stdout + stderr).replaceAll("\r", "");
    };
    const isBack = async () => {
      await judgeIsListening(machine);
      assert.equal(await machine.ok("systemctl is-enabled knockd"), "enabled\n");
      assert.equal(await machine.ok(`readlink /proc/${await machine.property("MainPID")}/exe`), "/usr/sbin/knockd\n");
    };

    it("reports which port stays closed, and how to open it; a port closed by a unit is closed when knockd is back", async () => {
      await booted();
      await install(machine, OURS);
      await withDoor("--persist");
      assert.match(await machine.ok("knockctl status"), /^tcp\/22 is closed to clients .*\(knockd-gate\)/m);
      const said = await remove();
      assert.match(said, /^knockd: tcp\/22 stays closed, and without knockd no client can knock\./m);
      assert.equal(await machine.isOpen(22), false);

      await reboot();
      assert.equal(await machine.isOpen(22), true, "as it was said");
      assert.match(await install(machine, OURS), /^knockd: The gate closes tcp\/22 to clients/m);
      await isListening(machine);
      await opens(machine, await sequence("/etc/knockd.conf"));

      await remove(); // which closes the door
      assert.equal(await machine.isOpen(22), false);
      await machine.ok(/^knockd: To open tcp\/22: (.+)$/m.exec(said)![1]!);
      assert.equal(await machine.isOpen(22), true);
      await install(machine, OURS);
      await isListening(machine);
      await machine.until(async () => !(await machine.isOpen(22)), "the gate of the door that is still there");
    });

    it("makes status and check report an open port that a unit should close, and that knockd does not start with it", async () => {
      await booted();
      await install(machine, OURS);
      await withDoor("--persist");
      const found = async () => {
        const { stdout } = await machine.run("knockctl check --json");
        return stdout.match(/"lint":"guard"[^}]*/g) ?? [];
      };
      assert.deepEqual(await found(), []);
      await machine.ok("knockctl gate open");
      const status = await machine.run("knockctl status");
      assert.equal(status.status, 1);
      const [, cure] = /^tcp\/22 is OPEN to all\. To close it: (.+)$/m.exec(status.stdout)!;
      assert.match((await found()).join(), /is open to all/);
      await machine.ok(cure!);
      assert.equal(await machine.isOpen(22), false);
      assert.deepEqual(await found(), []);
      await machine.ok("systemctl disable knockd");
      assert.match((await found()).join(), /knockd does not start at boot/);
      await machine.ok("systemctl stop knockd");
      assert.match((await machine.run("knockctl status")).stdout, /^tcp\/22 is closed, and no knockd is running/m);
    });

    it("ends a waiting set-up at removal, and opens the closed ports at a purge", async () => {
      await booted();
      await install(machine, OURS);
      const begun = await machine.run("knockctl init --yes --interface eth0 --door other");
      assert.equal(begun.status, 0, begun.stderr);
      assert.equal(await machine.isOpen(22), false);
      assert.doesNotMatch(await remove(), /stays closed/);
      assert.equal(await machine.isOpen(22), true);
      await install(machine, OURS);
      await withDoor("--persist");
      await machine.ok("mv /usr/sbin/nft /usr/sbin/nft.away"); // it need not be installed
      await machine.ok("apt-get purge -y knockd </dev/null");
      assert.equal(await machine.isOpen(22), true);
      await machine.ok("mv /usr/sbin/nft.away /usr/sbin/nft");
      assert.doesNotMatch(await machine.ok("iptables-save; nft list ruleset"), /knockd/i);
      assert.equal((await machine.run("ls -d /run/knockd* /etc/knockd* /etc/logrotate.d/knockd")).stdout, "");
    });

    it("returns to 0.8 in one line, which runs and is enabled as before", async () => {
      machine = await Machine.boot(release);
      await firewall(machine);
      await install(machine, JUDGE);
      machine.write("etc/knockd.conf", CONFIG);
      machine.write("etc/default/knockd", 'START_KNOCKD=1\nKNOCKD_OPTS="-i eth0"\n');
      await machine.ok("systemctl enable --now knockd");
      await judgeIsListening(machine);
      await install(machine, OURS);
      const config = machine.read("etc/knockd.conf");

      await machine.ok(`(apt-get remove -y knockd && apt-get install -y --allow-downgrades ${JUDGE}) </dev/null`);
      await isBack();
      assert.equal(machine.read("etc/knockd.conf"), config);
      await opens(machine, SSH);
      await machine.ok("iptables -F KNOCKD");

      await install(machine, OURS); // and forth
      await isListening(machine);
      await install(machine, JUDGE); // and back in one step
      await isBack();
      await opens(machine, SSH);
    });

    it("installs 0.8 if ours came first: no questions, the config stays, and unknown directives are named", async () => {
      await booted();
      await install(machine, OURS);
      machine.write("etc/knockd.conf", CONFIG.replace("UseSyslog", "UseSyslog\n\tInterface = auto\n\tOn_Exit = keep"));
      machine.write("etc/default/knockd", 'START_KNOCKD=1\n#mine\nKNOCKD_OPTS=""\n');
      await machine.ok("systemctl enable --now knockd");
      const cure = /^knockd: {3}(sed .+)$/m.exec(await remove())![1]!;
      await machine.ok(cure);
      const [config, defaults] = [machine.read("etc/knockd.conf"), machine.read("etc/default/knockd")];
      await install(machine, JUDGE);
      await isBack();
      assert.deepEqual([machine.read("etc/knockd.conf"), machine.read("etc/default/knockd")], [config, defaults]);
      await install(machine, OURS);
      await isListening(machine);
      assert.deepEqual([machine.read("etc/knockd.conf"), machine.read("etc/default/knockd")], [config, defaults]);
      await machine.ok("apt-get purge -y knockd </dev/null");
      assert.equal((await machine.run("ls -d /etc/knockd* /etc/default/knockd*")).stdout, "");
      assert.doesNotMatch(await machine.ok("dpkg-divert --list"), /knockd/);
      assert.equal((await machine.run(`ls ${GUARD}`)).stdout, "");
    });

    it("replaces 0.8 if its log is already rotated: no questions", async () => {
      await booted();
      await install(machine, JUDGE);
      machine.write("etc/logrotate.d/knockd", "/var/log/knockd.log { daily }\n");
      await install(machine, OURS);
      assert.equal(machine.read("etc/logrotate.d/knockd"), "/var/log/knockd.log { daily }\n");
    });
  });
}
