// Follows the how-to of docs/firewall.md, line by line, on a booted machine.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { afterEach, describe, it } from "node:test";
import { Machine, needsRoot, RELEASES } from "../boot/machine.ts";
import { install, OURS } from "../boot/scene.ts";
import { isOf08 } from "../live/daemon.ts";
import type { Wire } from "../live/wire.ts";
import { CONFIG, CRON, CURLS, EXECUTABLE, RESTORE, RULES, SAVE, START, TIMER } from "./lines.ts";

const MAX_TRIES = 40;

// A server that answers each line at port 22, and a client; `session` is the open connection of a terminal.
const SSHD = `
import socket, threading
def serve(one):
    for line in one.makefile('rb'): one.sendall(b'echo ' + line)
door = socket.create_server(('0.0.0.0', 22))
while True: threading.Thread(target=serve, args=(door.accept()[0],), daemon=True).start()
`;
const SSH = `
import socket, sys
one = socket.create_connection(('10.77.0.1', 22), 3)
answers = one.makefile('rb')
print('in', flush=True)
for line in sys.stdin:
    one.sendall(line.encode())
    print(answers.readline().decode(), end='', flush=True)
`;

class Session {
  said = "";
  readonly #child: ReturnType<Wire["spawn"]>;

  constructor(wire: Wire) {
    this.#child = wire.spawn("client", ["python3", "-c", SSH], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdout!.setEncoding("utf8").on("data", (text) => (this.said += text));
  }

  type(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }
}

for (const release of RELEASES) {
  describe(`the how-to on ${release}`, { skip: needsRoot }, () => {
    let machine: Machine;
    afterEach(() => machine.close());

    const lines = () =>
      machine
        .read("var/log/syslog")
        .split("\n")
        .filter((line) => / knockd: (10\.77\.0\.2: )?openSSH: /.test(line) && isOf08(line));
    const inNamespace = (...words: string[]) =>
      execFileSync("ip", ["netns", "exec", machine.wire.namespaces.server, ...words], { stdio: "pipe" });

    it("works line by line: firewall, config, knock, curl, log, nightly closing, reboot", async (t) => {
      machine = await Machine.boot(release);
      const { wire } = machine;
      wire.spawn("server", ["python3", "-c", SSHD], { stdio: "ignore" });
      await machine.ok("hostname raspberrypi");
      // The how-to was written when rsyslog used this format by default.
      machine.write(
        "etc/rsyslog.d/form.conf",
        'module(load="builtin:omfile" Template="RSYSLOG_TraditionalFileFormat")\n',
      );
      await machine.ok("systemctl restart rsyslog");
      await install(machine, OURS);

      // iptables, and what brings it back at boot
      await machine.ok(RULES);
      await machine.ok(SAVE);
      machine.write("etc/network/if-pre-up.d/iptables", RESTORE);
      await machine.ok(EXECUTABLE);
      machine.write(
        "etc/network/interfaces",
        "auto lo eth0\niface lo inet loopback\niface eth0 inet static\n  address 10.77.0.1/24\n",
      );

      // the config, the service
      machine.write("etc/knockd.conf", CONFIG);
      const status = await machine.ok(START);
      assert.match(machine.read("etc/default/knockd"), /^START_KNOCKD=1$/m);
      assert.match(status, /Active: active \(running\)/);
      assert.match(status, /Status: "listening on eth0 \(10\.77\.0\.1[^"]*\)"/);

      // knock HOST 4438 1813 8235
      assert.equal(await machine.isOpen(22), false);
      await machine.knock(...[4438, 1813, 8235]);
      await machine.until(() => machine.isOpen(22), "open door");
      await machine.until(async () => lines().length >= 5, "five lines in /var/log/syslog");
      const form = /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d raspberrypi knockd: /;
      for (const line of lines()) assert.match(line, form);
      assert.deepEqual(
        lines().map((line) => line.replace(form, "")),
        [
          "10.77.0.2: openSSH: Stage 1",
          "10.77.0.2: openSSH: Stage 2",
          "10.77.0.2: openSSH: Stage 3",
          "10.77.0.2: openSSH: OPEN SESAME",
          "openSSH: running command: /sbin/iptables -A KNOCKD -s 10.77.0.2 -p tcp --dport 22 -j ACCEPT",
        ],
      );
      assert.match(await machine.ok("iptables -L -v -n"), /ACCEPT +(6|tcp) .* 10\.77\.0\.2 +0\.0\.0\.0\/0 +tcp dpt:22/);

      // the nightly closing: open connections stay
      const session = new Session(wire);
      await machine.until(async () => session.said === "in\n", "session");
      await machine.ok(CRON);
      assert.match(await machine.ok("run-parts --test /etc/cron.daily"), /clear_knockd_iptables/);
      await machine.ok("/etc/cron.daily/clear_knockd_iptables");
      assert.equal(await machine.isOpen(22), false);
      session.type("still here");
      await machine.until(async () => session.said === "in\necho still here\n", "answer");

      // three curls, started together: the shell decides their order
      let tries = 0;
      do {
        assert.ok(tries++ < MAX_TRIES, `none of ${MAX_TRIES} tries came in the right order`);
        await wire.run("client", ["sh", "-c", CURLS]);
      } while (!(await machine.isOpen(22)));
      t.diagnostic(`the three curls opened the door at try ${tries}`);

      // the same closing by systemd
      await machine.ok(TIMER);
      assert.match(await machine.ok("systemctl list-timers --all"), /clear-knockd-iptables\.timer/);
      await machine.ok("systemctl start clear-knockd-iptables.service");
      assert.equal(await machine.isOpen(22), false);

      // reboot: it listens before there is an address, and the rules are back
      machine.write(
        "etc/network/if-pre-up.d/00late",
        "#!/bin/sh\nfor i in $(seq 3000); do [ -e /run/now ] && exit; sleep 0.1; done\n",
      );
      await machine.ok("chmod +x /etc/network/if-pre-up.d/00late");
      await machine.powerOff();
      for (const word of ["-F", "-X"]) inNamespace("iptables", word);
      inNamespace("ip", "address", "flush", "dev", "eth0");
      inNamespace("ip", "link", "set", "eth0", "down");
      await machine.start(async () => {
        await machine.until(async () => (await machine.property("ActiveState")) === "active", "knockd");
        assert.doesNotMatch(await machine.property("StatusText"), /10\.77\.0\.1/);
        await machine.ok("touch /run/now");
      });
      await machine.until(async () => (await machine.property("StatusText")).includes("10.77.0.1"), "address");
      assert.match(await machine.ok("systemctl is-active networking knockd"), /^active\nactive\n$/);
      assert.match(await machine.ok("iptables -S"), /-A INPUT -j KNOCKD\n-A INPUT -j REJECT/);
      await machine.until(
        async () =>
          (
            await machine.wire.run("client", [
              "python3",
              "-c",
              "import socket; s = socket.socket(); s.settimeout(1)\ntry: s.connect(('10.77.0.1', 23))\nexcept ConnectionRefusedError: pass",
            ])
          ).status === 0,
        "answer of the firewall",
      );
      assert.equal(await machine.isOpen(22), false);
      await machine.knock(...[4438, 1813, 8235]);
      await machine.until(() => machine.isOpen(22), "open door after the reboot");
    });
  });
}
