// Tests that knockctl init locks nobody out, whatever dies, fills up, is interrupted or comes too late.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until as isInTime } from "../time-limit.ts";
import { Host, OWN, SOON, until } from "./host.ts";
import { Terminal } from "./terminal.ts";
import { needsRoot, repo } from "./wire.ts";

describe("knockctl init, if something goes wrong", { skip: needsRoot }, () => {
  let host: Host;
  beforeEach(async () => {
    host = await Host.open();
  });
  afterEach(() => host?.close());

  it("rolls back although the door has opened, if it is not confirmed; the trial's daemon ends, and its rule is removed", async () => {
    const tables = await host.rules();
    const { stdout } = await host.begun("--minutes", "0.5", "--timeout", "3600");
    await host.opensTo(await host.daemon(stdout));
    await host.rolledBack();
    assert.equal(await host.rules(), tables);
    assert.equal(existsSync(host.config), false);
    await host.cleanedUp();
  });

  it("rolls back immediately with --rollback, which can be repeated", async () => {
    const tables = await host.rules();
    await host.begun();
    assert.equal(await host.isOpen(), false);
    const { status, stdout } = await host.knockctl("init", "--rollback");
    assert.equal(status, 0);
    assert.match(stdout, /^Rolled back: everything is as before\.\nTCP port 22 is open, as it was before\.$/m);
    assert.equal(await host.rules(), tables);
    assert.equal(await host.isOpen(), true);
    const again = await host.knockctl("init", "--rollback");
    assert.deepEqual([again.status, again.stdout], [0, "Nothing to roll back: rolled back: asked to.\n"]);
  });

  for (const moment of ["", "/firewall", "/rollback", "/armed", "/id", "a closed port"]) {
    it(`leaves nothing behind when it is killed at ${moment.replace(/^\/?$|^\//, "the file ") || moment}`, async () => {
      const tables = await host.rules();
      const argv = [
        process.execPath,
        join(repo, "dist/src/knockctl.js"),
        "init",
        "--yes",
        "--interface",
        "eth0",
        "-c",
        host.config,
        ...SOON,
      ];
      const child = host.wire.spawn("server", host.argv(...argv), { stdio: "ignore" });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      const isClosed = async () => (await host.rules()) !== tables;
      const isNow = () =>
        moment === "a closed port" ? isClosed() : existsSync(host.path(`/run/knockd-init${moment}`));
      assert.ok(await isInTime(isNow, 30_000, 1), moment);
      child.kill("SIGKILL");
      await ended;
      await sleep(500); // what it has started may continue
      await host.rolledBack();
      await until(async () => (await host.rules()) === tables, "tables as they were");
      assert.equal(existsSync(host.config), false);
      await host.begun(...SOON); // and the next one is not delayed
      await host.rolledBack();
    });
  }

  it("rolls everything back if the disk is full at the confirmation: the config is exactly as before", async () => {
    const disk = dirname(host.config);
    await host.ok(`mount -t tmpfs -o size=16k private-disk ${disk}`);
    const inside = host.argv("sh", "-c", `cat >${host.config}`);
    assert.equal((await host.wire.run("server", inside, { input: Buffer.from(OWN, "latin1") })).status, 0);
    const tables = await host.rules();
    const { stdout } = await host.begun("--timeout", "3600");
    await host.opensTo(await host.daemon(stdout));
    await host.fill(disk, "private-disk");
    const { status, stderr } = await host.knockctl("init", "--confirm");
    assert.equal(status, 1);
    assert.match(stderr, /^knockctl: not confirmed: .*No space left on device/);
    assert.equal(await host.rules(), tables);
    assert.equal(await host.ok(`ls ${disk}`), "full\nknockd.conf\n");
    const { stdout: now } = await host.run("od", "-An", "-tx1", "-v", "-w1", host.config);
    assert.equal(Buffer.from(now.replace(/\s/g, ""), "hex").toString("latin1"), OWN);
  });

  it("restores the config if the confirmation that replaced it was interrupted", async () => {
    writeFileSync(host.config, OWN, "latin1");
    writeFileSync(`${host.config}.new`, "somebody else's");
    const tables = await host.rules();
    const { stdout } = await host.begun("--timeout", "3600");
    await host.opensTo(await host.daemon(stdout));
    // It is killed at its last step but one.
    await host.ok("sed -i '/there is no way back/ikill -9 $$' /run/knockd-init/confirm");
    const { status } = await host.run("sh", "/run/knockd-init/confirm");
    assert.notEqual(status, 0);
    assert.match(host.conf(), /\[openSSH\]/, "it had come that far");
    await host.ok("sh /run/knockd-init/rollback");
    assert.equal(host.conf(), OWN);
    assert.equal(existsSync(`${host.config}.before-init`), false);
    assert.equal(readFileSync(`${host.config}.new`, "latin1"), "somebody else's");
    assert.equal(await host.rules(), tables);
  });

  it("changes nothing if /run is full, or the rollback cannot be armed", async () => {
    const tables = await host.rules();
    const filler = await host.fill("/run", "private-run");
    const full = await host.init("--yes");
    assert.equal(full.status, 1);
    assert.match(full.stderr, /^knockctl: nothing has changed: .*[Nn]o space left/);
    assert.equal(await host.rules(), tables);
    await host.ok(`rm ${filler}; mount --bind /bin/false /usr/bin/setsid`);
    const unarmed = await host.init("--yes");
    assert.equal(unarmed.status, 1);
    assert.match(unarmed.stderr, /^knockctl: nothing has changed: the rollback could not be scheduled/);
    assert.equal(await host.rules(), tables);
  });

  it("rolls back even if /run is full, and keeps waiting if --persist is impossible", async () => {
    const tables = await host.rules();
    const { stdout } = await host.begun("--timeout", "3600");
    await host.opensTo(await host.daemon(stdout));
    const persist = await host.knockctl("init", "--confirm", "--persist");
    assert.equal(persist.status, 1);
    assert.match(persist.stderr, /^knockctl: not confirmed yet: --persist needs systemd/);
    await host.fill("/run", "private-run");
    await host.knockctl("init", "--rollback");
    assert.equal(await host.rules(), tables);
    assert.equal(await host.isOpen(), true);
  });

  it("does not start while another trial waits, and only one of two starts at the same time", async () => {
    await host.begun();
    const second = await host.init("--yes", "--door", "other");
    assert.equal(second.status, 1);
    assert.match(second.stderr, /another setup is waiting/);
    await host.knockctl("init", "--rollback");
    const both = await Promise.all([host.init("--yes"), host.init("--yes")]);
    assert.deepEqual(both.map(({ status }) => status).sort(), [0, 1]);
  });

  it("closes nothing if the rollback came first", async () => {
    const tables = await host.rules();
    await host.begun();
    await host.ok(
      "cp -a /run/knockd-init /run/copy && sh /run/knockd-init/rollback && cp -a /run/copy /run/knockd-init && rm /run/knockd-init/id",
    );
    const { status } = await host.run("sh", "/run/knockd-init/begin");
    assert.equal(status, 3);
    assert.equal(await host.rules(), tables);
  });

  it("keeps a port closed that was closed before, or that another set-up has closed", async () => {
    const { stdout } = await host.begun("--timeout", "3600");
    await host.opensTo(await host.daemon(stdout));
    assert.equal((await host.knockctl("init", "--confirm")).status, 0);
    const running = await host.init("--yes", "--door", "again");
    assert.match(running.stderr, /^knockctl: a running knockd owns the gate\. Stop it first/);
    await host.ok("kill $(cat /run/knockd-init/knockd.pid)");
    await until(() => !existsSync(host.path("/run/knockd-init/knockd.pid")), "the end of the daemon");
    const tables = await host.rules();
    await host.begun("--door", "again");
    await host.knockctl("init", "--rollback");
    assert.equal(await host.rules(), tables);
    await host.begun("--door", "web", "--port", "443");
    assert.equal((await host.knockctl("gate", "show", "tcp/22,tcp/443")).status, 0);
    await host.knockctl("init", "--rollback");
    assert.equal(await host.rules(), tables);
  });

  it("does not change a table inet knockd of another program", async () => {
    await host.ok(
      "nft add table inet knockd '{ chain mine { type filter hook input priority 0; policy drop; tcp dport 22 accept; }; }'",
    );
    const before = await host.ok("nft list ruleset");
    const { status, stderr } = await host.init("--yes");
    assert.equal(status, 1);
    assert.match(stderr, /^knockctl: firewall: there is a table `inet knockd` that knockd did not make/);
    assert.equal(await host.ok("nft list ruleset"), before);
    assert.equal((await host.run("ls", "/run/knockd-init")).status, 2);
  });

  it("opens the port again even if the daemon that owns the table hangs, and without nft", async () => {
    const tables = await host.rules();
    for (const hide of [":", "mount --bind /bin/false /usr/sbin/nft"]) {
      const { stdout } = await host.begun("--timeout", "3600");
      await host.opensTo(await host.daemon(stdout));
      await host.ok(hide);
      await host.ok("kill -STOP $(cat /run/knockd-init/knockd.pid)");
      const { status, stderr } = await host.knockctl("init", "--rollback");
      assert.equal(status, 0, stderr);
      assert.equal(await host.isOpen(), true);
    }
    await host.ok("umount /usr/sbin/nft");
    assert.equal(await host.rules(), tables);
  });

  it("restores the gate for the ports that it closed before", async () => {
    writeFileSync(
      host.config,
      "[options]\nInterface = eth0\n[web]\nsequence = 5151,1313,6262\ntcpflags = syn\nopen = tcp/443\n",
    );
    await host.ok(`${process.execPath} ${join(repo, "dist/src/knockd.js")} --gate -c ${host.config}`);
    const tables = await host.rules();
    const { stdout } = await host.begun();
    assert.equal(await host.isOpen(), false);
    await host.daemon(stdout);
    assert.equal((await host.knockctl("gate", "show", "tcp/22,tcp/443")).status, 0);
    await host.knockctl("init", "--rollback");
    assert.equal(await host.rules(), tables);
    assert.equal((await host.knockctl("gate", "show", "tcp/443")).status, 0);
    assert.equal(await host.isOpen(), true);
  });

  it("rolls back if the terminal and everything in it is gone", async () => {
    const tables = await host.rules();
    const terminal = new Terminal(host, "--no-codes", "--minutes", "0.3");
    await terminal.says("Which TCP port do you want to close?");
    terminal.types("");
    await terminal.says("without a knock?");
    terminal.types("");
    await terminal.says("Do this now?");
    terminal.types("yes");
    await terminal.says("Waiting for the knock");
    assert.notEqual(await host.rules(), tables);
    terminal.dies();
    await terminal.ended;
    await until(
      async () => !(await host.ok("ps ax -o args")).includes(`knockctl.js init -c ${host.config}`),
      "end of knockctl",
    );
    assert.notEqual(await host.rules(), tables, "it died without a word");
    await host.rolledBack();
    assert.equal(await host.rules(), tables);
  });
});
