// Tests that what `knockctl check` says of an installed knockd is true: systemd and the sandbox behave as it says.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { Machine, needsRoot, RELEASES } from "./machine.ts";
import { install, isListening, OURS } from "./scene.ts";

const DOOR = "[options]\nUseSyslog\n[a]\nsequence = 4001,1002:udp,3003\ncommand = true\n";

for (const release of RELEASES) {
  describe(`knockctl check on ${release}`, { skip: needsRoot }, () => {
    let machine: Machine;
    afterEach(() => machine.close());

    async function found(): Promise<string[]> {
      const { stdout } = await machine.run("knockctl check --json");
      const findings = stdout
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line));
      return findings.filter(({ type }) => type === "finding").map(({ lint }) => lint);
    }

    it("is right about what starts and stops knockd", async () => {
      machine = await Machine.boot(release);
      await install(machine, OURS);
      assert.deepEqual([...new Set(await found())], ["weak-sequence"], "the package's own config");
      machine.write("etc/knockd.conf", DOOR);
      assert.deepEqual(await found(), [], "the package's modes, and a knockd that is not to start");
      await machine.ok("systemctl enable --now knockd");
      await isListening(machine);
      assert.match(machine.read("etc/default/knockd"), /^START_KNOCKD=0$/m);
      assert.deepEqual(await found(), [], "nobody has said that it is not to start");
      await machine.ok("sed -i s/^START_KNOCKD=0/START_KNOCKD=no/ /etc/default/knockd");
      assert.deepEqual(await found(), ["start-knockd"]);
      await machine.ok("knockctl check --fix --yes");
      assert.match(machine.read("etc/default/knockd"), /^START_KNOCKD=1$/m);
      await machine.ok("chmod 644 /etc/knockd.conf");
      assert.deepEqual(await found(), ["readable-by-all"]);
      assert.match(await machine.ok("knockctl check --fix --yes"), /OK/);

      machine.append("etc/default/knockd", 'KNOCKD_OPTS="-d"\n');
      assert.deepEqual(await found(), ["start-knockd"]);
      await machine.run("systemctl restart knockd");
      await machine.until(async () => (await machine.property("ActiveState")) !== "activating", "an end");
      assert.notEqual(await machine.property("ActiveState"), "active");
    });

    it("is right about what the unit prevents from being written", async () => {
      machine = await Machine.boot(release);
      await install(machine, OURS);
      machine.write("etc/knockd.conf", DOOR.replace("UseSyslog", "UseSyslog\nLogFile = /var/log/mine"));
      const start = "systemctl daemon-reload && systemctl restart knockd";
      await machine.ok(start);
      await isListening(machine);
      assert.deepEqual(await found(), []);
      const hardened = "/usr/share/doc/knockd/examples/knockd-hardened.conf /etc/systemd/system/knockd.service.d/";
      await machine.ok(`mkdir -p /etc/systemd/system/knockd.service.d && cp ${hardened}`);
      assert.deepEqual(await found(), ["sandbox"]);
      await machine.ok(start);
      await isListening(machine);
      assert.match(machine.read("var/log/syslog"), /cannot open logfile \/var\/log\/mine: Read-only file system/);

      machine.write("etc/one-time", "4001,1002\n");
      await machine.ok("chmod 600 /etc/one-time");
      machine.write("etc/knockd.conf", "[a]\none_time_sequences = /etc/one-time\ncommand = true\n");
      assert.deepEqual(await found(), ["sandbox"]);
      await machine.run(`timeout 20 sh -c '${start}'`);
      const said = "journalctl -u knockd --no-pager";
      await machine.until(async () => (await machine.ok(said)).includes("/etc/one-time: Read-only file system"), said);
    });
  });
}
