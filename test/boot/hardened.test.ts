// The ready drop-ins, and what works under which: README, "Hardening". Each command is a door's, and is told what became of it.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { Machine, needsRoot, RELEASES } from "./machine.ts";
import { firewall, install, isListening, OURS } from "./scene.ts";

type Under = "knockd.service" | "knockd-hardened.conf" | "knockd-unprivileged.conf";

/** What works under which, each as a door's command. */
const COMMANDS: readonly [name: string, command: string, hardened: boolean, unprivileged: boolean][] = [
  ["iptables", "iptables -A KNOCKD -s %IP% -p tcp --dport 22 -j ACCEPT", true, true],
  ["iptables-legacy", "iptables-legacy -A INPUT -s %IP% -j ACCEPT", true, true],
  ["ip6tables", "ip6tables -A INPUT -s fd77::2 -j ACCEPT", true, true],
  ["nft", "nft add table inet doors", true, true],
  ["the helper", "/usr/sbin/knock_helper_ipt.sh -a -c KNOCKD -f %IP% -d 80", true, true],
  ["ip route", "ip route add 10.99.0.0/24 via %IP%", true, true],
  ["logger", "logger knocked", true, true],
  ["a file in /run/knockd", "touch /run/knockd/mine", true, true],
  ["others' files in /tmp", "test -e /tmp/of-others", false, false],
  ["a file in /etc", "touch /etc/knocked", false, false],
  ["a file in /var/lib", "touch /var/lib/knocked", false, false],
  ["a file in /root", "touch /root/knocked", false, false],
  ["a device", "test -c /dev/net/tun", false, false],
  ["systemctl", "systemctl start cron.service", true, false],
];

for (const release of RELEASES) {
  describe(`hardened on ${release}`, { skip: needsRoot }, () => {
    let machine: Machine;
    afterEach(() => machine.close());

    async function under(unit: Under): Promise<void> {
      machine = await Machine.boot(release);
      await firewall(machine);
      await install(machine, OURS);
      await machine.ok("touch /tmp/of-others");
      const doors = COMMANDS.map(
        ([, command], i) =>
          `[${i}]\nsequence = ${2000 + i}\ntcpflags = syn\ncommand = PATH=$PATH:/usr/sbin; ${command}\n`,
      );
      machine.write("etc/knockd.conf", `[options]\nUseSyslog\n${doors.join("")}`);
      if (unit !== "knockd.service") {
        await machine.ok(
          `mkdir -p /etc/systemd/system/knockd.service.d && cp /usr/share/doc/knockd/examples/${unit} /etc/systemd/system/knockd.service.d/ && systemctl daemon-reload`,
        );
      }
      await machine.ok(
        "systemctl start knockd || { systemctl status knockd; journalctl -u knockd --no-pager; exit 1; }",
      );
      await isListening(machine);
    }

    /** The names of those that ended with status 0. */
    async function works(): Promise<string[]> {
      const log = () => machine.read("var/log/syslog");
      const did: string[] = [];
      for (const [i, [name]] of COMMANDS.entries()) {
        await machine.knock(2000 + i);
        await machine.until(async () => log().includes(`knockd: ${i}: running command`), name);
      }
      await machine.ok("systemctl stop knockd"); // it waits for them
      for (const [i, [name]] of COMMANDS.entries())
        if (!log().includes(`knockd: ${i}: command returned non-zero`)) did.push(name);
      return did;
    }

    async function exposure(): Promise<number> {
      const said = await machine.ok("systemd-analyze security --no-pager knockd.service");
      return Number(/exposure level for knockd\.service: ([\d.]+)/.exec(said)![1]);
    }

    for (const [unit, column, most] of [
      ["knockd.service", undefined, 5.5],
      ["knockd-hardened.conf", 2, 2.1],
      ["knockd-unprivileged.conf", 3, 2.1],
    ] as const) {
      it(`${unit} is exposed by ${most} at most, and lets through what the table says`, async () => {
        await under(unit);
        const exposed = await exposure();
        const config = column === 3 ? "/run/credentials/knockd.service/knockd.conf" : "/etc/knockd.conf";
        assert.match(await machine.ok(`knockctl self-test -c ${config}`), /^eth0: hears: /m);
        assert.deepEqual(
          await works(),
          COMMANDS.filter((row) => column === undefined || row[column]).map(([name]) => name),
        );
        assert.ok(exposed <= most, `${exposed}`);
      });
    }
  });
}
