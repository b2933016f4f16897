// Tests knockctl on booted machines: which users the package and its unit allow to ask, and the timer for Prometheus.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { Machine, needsRoot, RELEASES } from "./machine.ts";
import { CONFIG, firewall, install, isListening, OURS, opens, WHILE } from "./scene.ts";

for (const release of RELEASES) {
  describe(`knockctl on ${release}`, { skip: needsRoot }, () => {
    let machine: Machine;
    afterEach(() => machine.close());

    async function withOurs(dropIn?: string): Promise<void> {
      machine = await Machine.boot(release);
      await firewall(machine);
      await install(machine, OURS);
      machine.write("etc/knockd.conf", CONFIG);
      if (dropIn !== undefined) {
        await machine.ok("mkdir -p /etc/systemd/system/knockd.service.d");
        const folder = "/etc/systemd/system/knockd.service.d/";
        await machine.ok(`cp /usr/share/doc/knockd/examples/${dropIn} ${folder} && systemctl daemon-reload`);
      }
      await machine.ok("systemctl enable --now knockd");
      await machine.ok("useradd member && useradd stranger && usermod -aG knockd member");
    }
    const as = (user: string, command: string) =>
      machine.run(`setpriv --reuid=${user} --regid=${user} --init-groups ${command}`);

    for (const dropIn of [undefined, "knockd-hardened.conf"]) {
      it(`the group may ask, root may do more, others nothing${dropIn ? `, under ${dropIn}` : ""}`, async () => {
        await withOurs(dropIn);
        const mayAsk = async () => {
          const modes = await machine.ok("stat -c '%A %U %G' /run/knockd /run/knockd/group /run/knockd/group/*");
          assert.equal(modes, "drwx--x--x root root\ndrwxr-s--- root knockd\nsrw-rw---- root knockd\n");
          const looked = await as("member", "knockctl status");
          assert.deepEqual([looked.status, looked.stderr], [0, ""]);
          assert.match(looked.stdout, /^eth0 +10\.77\.0\.1.* yes/m);
          const stranger = await as("stranger", "knockctl status");
          assert.deepEqual([stranger.status, stranger.stdout], [3, ""]);
          const opened = await as("member", "knockctl open openSSH 192.0.2.7");
          assert.deepEqual([opened.status, opened.stdout], [3, ""]);
          assert.equal((await machine.run("knockctl status --secrets")).status, 0);
        };
        await mayAsk();
        await machine.ok("systemctl reload knockd"); // systemd sets the directory's mode again
        await mayAsk();
        await machine.ok("systemctl restart knockd");
        await mayAsk();
        await opens(machine, WHILE);
        assert.match((await as("member", "knockctl doors")).stdout, /^while .* 10\.77\.0\.2 \(.* left\)$/m);
        await machine.ok("knockctl close while 10.77.0.2");
        assert.equal(await machine.isOpen(22), false);
        await machine.ok("knockctl open while 10.77.0.2");
        assert.equal(await machine.isOpen(22), true);
        assert.equal((await as("member", "cat /run/knockd/*.ledger")).status, 1, "the ledger is root's");
      });
    }

    it("the group of the Debian package does not disturb a knockd that is not root", async () => {
      await withOurs("knockd-unprivileged.conf");
      await isListening(machine);
      const config = "-c /run/credentials/knockd.service/knockd.conf";
      assert.match(await machine.ok(`knockctl status ${config}`), /^eth0 .* yes/m);
      assert.equal((await as("member", `knockctl status ${config}`)).status, 3);
    });

    it("the timer for Prometheus writes its file", async () => {
      await withOurs();
      await machine.ok("mkdir -p /var/lib/prometheus/node-exporter && useradd prometheus");
      await machine.ok("chown prometheus: /var/lib/prometheus/node-exporter");
      await machine.ok(
        "cp /usr/share/doc/knockd/examples/knockd-metrics.* /etc/systemd/system/ && systemctl daemon-reload",
      );
      await machine.ok("systemctl enable --now knockd-metrics.timer");
      assert.match(await machine.ok("systemctl list-timers --all"), /knockd-metrics\.timer/);
      await machine.ok("systemctl start knockd-metrics.service");
      const file = "var/lib/prometheus/node-exporter/knockd.prom";
      assert.match(machine.read(file), /^knockd_up 1$/m);
      assert.match(machine.read(file), /^knockd_packets_seen_total\{daemon="eth0",interface="eth0"\} \d+$/m);
      await machine.ok("systemctl stop knockd && systemctl start knockd-metrics.service");
      assert.match(machine.read(file), /^knockd_up 0$/m);
    });
  });
}
