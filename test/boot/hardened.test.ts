// Tests which commands work under which of the ready drop-ins (docs/hardening.md). Each command is run by a door, and
// its result is checked.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { COMMANDS } from "./commands.ts";
import { Machine, needsRoot, RELEASES } from "./machine.ts";
import { firewall, install, isListening, OURS } from "./scene.ts";

type Under = "knockd.service" | "knockd-hardened.conf" | "knockd-unprivileged.conf";

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

    /** The names of the commands that ended with status 0. */
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
      it(`${unit} has an exposure of ${most} at most, and allows what the table says`, async () => {
        await under(unit);
        const exposed = await exposure();
        const config = column === 3 ? "/run/credentials/knockd.service/knockd.conf" : "/etc/knockd.conf";
        assert.match(await machine.ok(`knockctl self-test -c ${config}`), /^eth0 .* yes/m);
        assert.deepEqual(
          await works(),
          COMMANDS.filter((row) => column === undefined || row[column]).map(([name]) => name),
        );
        assert.ok(exposed <= most, `${exposed}`);
      });
    }
  });
}
