// Tests a trial of knockctl init that is ended in two places at once: each says what is true of the port.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, it } from "node:test";
import { untilShell } from "../time-limit.ts";
import { Host, until } from "./host.ts";
import { Terminal } from "./terminal.ts";
import { needsRoot } from "./wire.ts";

/** The program waits until the test lets it continue, for a minute at most. */
const SLOW = `#!/bin/sh
echo >>/run/slow
${untilShell("[ -e /run/go ]")}
`;
const CLOSED = /^TCP port 22 is closed to clients that have not knocked/m;
const OPEN = /^TCP port 22 is open, as it was before\.$/m;

describe("knockctl init, ended in two places at once", { skip: needsRoot }, () => {
  let host: Host;
  beforeEach(async () => {
    host = await Host.open();
  });
  afterEach(() => host?.close());

  /** A confirmation waits at sync(1), a rollback at logger(1). */
  const slow = (program: "sync" | "logger") =>
    host.ok(`cat >/run/slow-program <<'END'\n${SLOW}END
chmod +x /run/slow-program && mount --bind /run/slow-program /usr/bin/${program}`);
  const isAtWork = () => until(() => existsSync(host.path("/run/slow")), "a script that waits");
  const go = () => host.ok("touch /run/go");
  const text = (terminal: Terminal) => terminal.said.replaceAll("\r", "");

  /** A trial whose door has opened. */
  async function opened(): Promise<void> {
    const { stdout } = await host.begun("--timeout", "3600");
    await host.opensTo(await host.daemon(stdout));
  }

  /** The same, at a terminal that now asks whether to keep it. */
  async function asked(): Promise<Terminal> {
    const terminal = new Terminal(host, "--no-codes", "--timeout", "3600");
    await terminal.says("Which TCP port do you want to close?");
    terminal.types("");
    await terminal.says("without a knock?");
    terminal.types("");
    await terminal.says("Do this now?");
    terminal.types("");
    await terminal.says("Waiting for the knock");
    await host.opensTo(await host.daemon(text(terminal)));
    await terminal.says("Keep this setup?");
    return terminal;
  }

  async function isConfirmed(): Promise<void> {
    assert.match(host.conf(), /\[openSSH\]/);
    assert.equal(await host.isOpen(host.wire.server6), false, "nobody has knocked over IPv6");
  }

  for (const [what, keys] of [
    ["Enter", "\r"],
    ["no", "no\r"],
    ["Ctrl-C", "\x03"],
    ["yes", "yes\r"],
    ["the end of the terminal", "\x04"],
  ] as const) {
    it(`says at the terminal that another process has confirmed, if the answer there is ${what}`, async () => {
      const terminal = await asked();
      await slow("sync");
      const confirming = host.knockctl("init", "--confirm");
      await isAtWork();
      terminal.presses(keys);
      await until(() => /Another process is confirming|Confirming door/.test(text(terminal)), "word of it");
      await go();
      const { status, stdout, stderr } = await confirming;
      assert.equal(status, 0, stderr);
      assert.match(stdout, /^Confirming door openSSH …\nConfirmed: door openSSH stays/);
      assert.match(stdout, CLOSED);
      await terminal.ended;
      assert.match(text(terminal), CLOSED);
      assert.doesNotMatch(text(terminal), /^Rolled back|as open as/m);
      await isConfirmed();
    });
  }

  it("says at the terminal without being asked that another process is confirming, and then that it has", async () => {
    const terminal = await asked();
    await slow("sync");
    const confirming = host.knockctl("init", "--confirm");
    await terminal.says("Another process is confirming");
    await go();
    assert.equal((await confirming).status, 0);
    await terminal.says("The setup is confirmed.");
    await terminal.ended;
    assert.match(text(terminal), CLOSED);
  });

  it("rolls back if the other process is killed while confirming, and both say so", async () => {
    const terminal = await asked();
    await slow("sync");
    const confirming = host.knockctl("init", "--confirm");
    await terminal.says("Another process is confirming");
    await host.ok("kill -9 $(cut -d' ' -f1 /run/knockd-init/doing)");
    await go();
    const { status, stderr } = await confirming;
    assert.equal(status, 1);
    assert.match(stderr, /^knockctl: not confirmed: /);
    assert.match(stderr, OPEN);
    await terminal.ended;
    assert.match(text(terminal), OPEN);
    assert.equal(await host.isOpen(host.wire.server6), true);
  });

  it("continues a confirmation whose terminal was closed", async () => {
    const terminal = await asked();
    await slow("sync");
    terminal.types("yes");
    await isAtWork();
    terminal.dies();
    await terminal.ended;
    await go();
    await host.rolledBack(); // or confirmed: it is over
    await isConfirmed();
    assert.match((await host.knockctl("init", "--confirm")).stdout, CLOSED);
  });

  it("confirms once if two processes confirm, and both say so", async () => {
    await opened();
    await slow("sync");
    const first = host.knockctl("init", "--confirm");
    await isAtWork();
    const second = host.knockctl("init", "--confirm");
    await go();
    for (const { status, stdout, stderr } of await Promise.all([first, second])) {
      assert.deepEqual([status, stderr], [0, ""]);
      assert.match(stdout, CLOSED);
    }
    await isConfirmed();
  });

  it("confirms nothing during a rollback, and both say that the port is open", async () => {
    await opened();
    await slow("logger");
    const rolling = host.knockctl("init", "--rollback");
    await isAtWork();
    const confirming = host.knockctl("init", "--confirm");
    await until(async () => (await host.ok("ps ax -o args")).includes("init --confirm"), "a confirmation");
    await go();
    const rolled = await rolling;
    assert.equal(rolled.status, 0, rolled.stderr);
    assert.match(rolled.stdout, /^Rolled back: everything is as before\.$/m);
    assert.match(rolled.stdout, OPEN);
    const { status, stdout, stderr } = await confirming;
    assert.equal(status, 1);
    assert.doesNotMatch(stdout, /Confirmed/);
    assert.match(stderr, OPEN);
    assert.equal(existsSync(host.config), false);
    assert.equal(await host.isOpen(host.wire.server6), true);
  });

  it("lets a confirmation finish that began before the time was over", async () => {
    await opened();
    await slow("sync");
    const confirming = host.knockctl("init", "--confirm");
    await isAtWork();
    const inTime = host.ok("sh /run/knockd-init/in-time $(cat /run/knockd-init/id)");
    await until(async () => (await host.ok("ps ax -o args")).includes("flock -w 120"), "a rollback that waits");
    await go();
    assert.match((await confirming).stdout, CLOSED);
    await inTime;
    await isConfirmed();
  });

  it("says at --rollback that the trial was confirmed, and how to open the port, which works", async () => {
    await opened();
    assert.equal((await host.knockctl("init", "--confirm")).status, 0);
    const { status, stdout, stderr } = await host.knockctl("init", "--rollback");
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /^knockctl: not rolled back: the setup is already confirmed\n/);
    assert.match(stderr, CLOSED);
    const [, ...words] = /^To open it: (.+)$/m.exec(stderr)![1]!.split(" ");
    assert.equal((await host.knockctl(...words)).status, 0);
    assert.equal(await host.isOpen(host.wire.server6), true);
    assert.match((await host.knockctl("init", "--confirm")).stdout, /^But TCP port 22 is open/m);
  });
});
