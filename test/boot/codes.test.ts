// Tests a door that opens by codes on booted machines: a used code stays used after a reboot and after a kill.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { afterEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseClients } from "../../src/codes/clients-file.ts";
import { portsOf, windowAt } from "../../src/codes/derive.ts";
import { placesOf } from "../../src/codes/valid-codes.ts";
import { knocks } from "../live/code-clients.ts";
import { Machine, needsRoot, RELEASES } from "./machine.ts";
import { firewall, install, isListening, OURS } from "./scene.ts";

const CONFIG = `[options]
	UseSyslog
[openSSH]
	Clients       = /etc/knockd/clients
	start_command = /sbin/iptables -A KNOCKD -s %IP% -p tcp --dport 22 -j ACCEPT
	cmd_timeout   = 300
	stop_command  = /sbin/iptables -D KNOCKD -s %IP% -p tcp --dport 22 -j ACCEPT
`;
const SNIFFER = "10.77.0.9";

for (const release of RELEASES) {
  describe(`codes on ${release}`, { skip: needsRoot }, () => {
    let machine: Machine;
    afterEach(() => machine.close());

    /** The code of the window with this number. */
    function ports(window: number): number[] {
      const [phone] = parseClients(machine.read("etc/knockd/clients"), "clients");
      return portsOf(phone!.blocks, placesOf(phone!, window));
    }
    const log = () => machine.read("var/log/syslog");
    const inNamespace = (command: string) =>
      execFileSync("ip", ["netns", "exec", machine.wire.namespaces.server, "sh", "-c", command]);

    async function isRefused(used: number): Promise<void> {
      const before = log().length;
      await machine.wire.send(knocks(machine.wire, SNIFFER, ports(used)));
      const line = `${SNIFFER}: openSSH: code of phone was already used by ${machine.wire.client}: replay`;
      await machine.until(async () => log().slice(before).includes(line), "replay in the log");
      assert.equal(await machine.isOpen(22), false);
    }

    it("open once, and not again after a kill and a reboot; the next one opens", async () => {
      machine = await Machine.boot(release);
      await firewall(machine);
      await install(machine, OURS);
      machine.write("etc/knockd.conf", CONFIG);
      const added = await machine.ok("knockctl client add phone --door openSSH --host 10.77.0.1");
      assert.match(added, /otpauth:\/\/totp\//);
      assert.equal(await machine.ok("stat -c '%a %U' /etc/knockd/clients"), "600 root\n");
      await machine.ok("systemctl enable --now knockd");
      await isListening(machine);

      // The latest code that counts now, which leaves the most time for the rest.
      const used = windowAt(Date.now()) + 1;
      await machine.knock(...ports(used));
      await machine.until(() => machine.isOpen(22), "open door");
      assert.equal(await machine.ok("stat -c '%a %U' /var/lib/knockd/clients.json"), "600 root\n");
      await machine.ok("knockctl close openSSH 10.77.0.2");
      await machine.until(async () => !(await machine.isOpen(22)), "closed door");

      await machine.ok("kill -9 $(systemctl show -P MainPID knockd)");
      await machine.until(async () => (await machine.property("NRestarts")) === "1", "restart");
      await machine.until(async () => (await machine.property("ActiveState")) === "active", "READY");
      await isRefused(used);

      await machine.powerOff();
      inNamespace("iptables -F KNOCKD"); // as the kernel's would be, which goes on here
      await machine.start();
      await machine.until(async () => (await machine.property("ActiveState")) === "active", "knockd");
      await isListening(machine);
      await isRefused(used);

      while (windowAt(Date.now()) < used) await sleep(1000);
      await machine.knock(...ports(used + 1));
      await machine.until(() => machine.isOpen(22), "open door");
      assert.match(await machine.ok("knockctl client list"), /^phone +openSSH +code .* 10\.77\.0\.2 /m);
    });
  });
}
