// Tests that programs which compare the executable find the daemon on a Debian machine: pidof with a path on Debian 12,
// and start-stop-daemon --exec. /usr/sbin/knockd is native/launcher.cc; where Node has no shared library, the
// executable is Node.
import assert from "node:assert/strict";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { repo } from "../live/wire.ts";
import { Machine, needsRoot, RELEASES } from "./machine.ts";
import { CONFIG, firewall, install, isListening, OURS, opens, SSH } from "./scene.ts";

const KNOCKD = "/usr/sbin/knockd";

/** A Node that is linked statically, as NodeSource's is. scripts/setup has downloaded it. */
const NODE_ALONE = join(repo, "build/nodes/node_modules/n20/bin/node");

/** By the short name and by the command line, whatever the executable is. */
const BY_NAME = [
  "pidof knockd",
  "pgrep -x knockd",
  `pgrep -f '^${KNOCKD}'`, // as monit's `matching`
  `ps axwwo pid=,args= | awk '$2 == "${KNOCKD}" { print $1 }'`, // as check_procs -a
  "ps -C knockd -o pid=",
  startStopDaemon("--name knockd"),
];
const BY_EXECUTABLE = [`pidof ${KNOCKD}`, startStopDaemon(`--exec ${KNOCKD}`)];

/** It prints "Would send signal 15 to PID." */
function startStopDaemon(match: string): string {
  return `start-stop-daemon --stop --test ${match} | sed 's/.* to //; s/\\.$//'`;
}

for (const release of RELEASES) {
  describe(`seen from outside on ${release}`, { skip: needsRoot }, () => {
    let machine: Machine;
    before(async () => {
      machine = await Machine.boot(release);
      await firewall(machine);
      await install(machine, OURS);
      machine.write("etc/knockd.conf", CONFIG);
    });
    after(() => machine?.close());
    afterEach(async () => {
      await machine.ok("systemctl stop knockd; iptables -F KNOCKD; ! test -s /run/own.pid || kill $(cat /run/own.pid)");
      await machine.until(async () => (await machine.run("pidof knockd")).status !== 0, "end");
    });

    const executable = async (pid: string) => (await machine.ok(`readlink /proc/${pid}/exe`)).trim();
    const wordsOf = async (pid: string) => (await machine.ok(`tr '\\0' ' ' </proc/${pid}/cmdline`)).trim();

    async function isFoundBy(pid: string, commands: readonly string[]): Promise<void> {
      assert.match(pid, /^[1-9]\d*$/);
      for (const command of commands) assert.equal((await machine.ok(command)).trim(), pid, command);
    }

    /** The process that listens, started with -d. */
    async function background(words = "", variables = ""): Promise<string> {
      await machine.ok(`${variables} ${KNOCKD} -d -i eth0 -p /run/own.pid ${words}`);
      await machine.until(async () => (await machine.run("test -s /run/own.pid")).status === 0, "pid file");
      return (await machine.ok("cat /run/own.pid")).trim();
    }

    it("the service, by its name and executable; it opens, reloads, and runs no program under another name", async () => {
      await machine.ok("systemctl start knockd");
      await isListening(machine);
      const pid = await machine.property("MainPID");
      await isFoundBy(pid, [...BY_NAME, ...BY_EXECUTABLE]);
      assert.equal(await executable(pid), KNOCKD);
      assert.equal(await wordsOf(pid), `${KNOCKD} --wait`);
      await machine.ok("systemctl reload knockd");
      await opens(machine, SSH);
      await machine.ok("systemctl stop knockd");
      assert.equal(await machine.property("Result"), "success");
    });

    it("the service after an upgrade, which replaces its executable", async () => {
      await machine.ok("systemctl start knockd");
      const before = await machine.property("MainPID");
      await machine.ok(`apt-get install -y --reinstall ${OURS} </dev/null`);
      await isListening(machine);
      const pid = await machine.property("MainPID");
      assert.notEqual(pid, before);
      assert.equal(await executable(pid), KNOCKD);
      await isFoundBy(pid, BY_EXECUTABLE);
    });

    it("with -d", async () => {
      const pid = await background();
      await isFoundBy(pid, [...BY_NAME, ...BY_EXECUTABLE]);
      assert.equal(await wordsOf(pid), `${KNOCKD} -d -i eth0 -p /run/own.pid`);
    });

    it("with a setting of Node, while its commands get none of its own variables", async () => {
      machine.write(
        "etc/env.conf",
        "[env]\nsequence = 4444\ntcpflags = syn\ncommand = env >/run/env.new; mv /run/env.new /run/env\n",
      );
      const pid = await background("-c /etc/env.conf", "NODE_OPTIONS=--title=other");
      await isFoundBy(pid, [...BY_NAME, ...BY_EXECUTABLE]);
      await machine.knock(4444);
      await machine.until(async () => (await machine.run("test -e /run/env")).status === 0, "command");
      assert.doesNotMatch(await machine.ok("cat /run/env"), /KNOCKD_/);
    });

    it("ignores NODE_OPTIONS if the file has capabilities", async () => {
      machine.write("srv/other.js", 'require("fs").writeFileSync("/tmp/other", "");');
      const user = "setpriv --reuid=65534 --regid=65534 --clear-groups";
      const isLoaded = async () => {
        await machine.ok("rm -f /tmp/other");
        await machine.ok(`NODE_OPTIONS=--require=/srv/other.js ${user} ${KNOCKD} -V`);
        return (await machine.run("test -e /tmp/other")).status === 0;
      };
      assert.equal(await isLoaded(), true);
      await machine.ok(`setcap cap_net_raw=ep ${KNOCKD}`);
      assert.equal(await isLoaded(), false);
      await machine.ok(`setcap -r ${KNOCKD}`);
    });

    it("by its name with a Node without a library, as before", async () => {
      rmSync(join(machine.root, "usr/bin/node"));
      copyFileSync(NODE_ALONE, join(machine.root, "usr/bin/node"));
      await machine.ok("systemctl start knockd");
      await isListening(machine);
      const pid = await machine.property("MainPID");
      await isFoundBy(pid, BY_NAME);
      assert.equal(await executable(pid), "/usr/bin/node");
      assert.equal(await wordsOf(pid), `${KNOCKD} --wait`);
      await opens(machine, SSH);
      await machine.ok("systemctl stop knockd");
      const own = await background();
      await isFoundBy(own, BY_NAME);
      assert.equal(await wordsOf(own), `${KNOCKD} -d -i eth0 -p /run/own.pid`);
    });
  });
}
