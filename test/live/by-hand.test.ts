// Tests knockctl open, close and extend with the real daemon: by hand, they do what a knock and the end of its time do.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseLedger } from "../../src/doors/ledger-entry.ts";
import { frame } from "../frame.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, type Result, repo, Wire } from "./wire.ts";

const door = (name: string, port: number, seconds: number) => `
[${name}]
  sequence = ${port}:udp
  start_command = echo start ${name} %IP% >>@dir@/commands
  cmd_timeout = ${seconds}
  stop_command = echo stop ${name} %IP% >>@dir@/commands
`;
const CONFIG = `[options]\nStateFile = @dir@/ledger\n${door("while", 7461, 600)}`;

describe("by hand", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;
  const running: Daemon[] = [];
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop("SIGKILL");
  });

  async function start(config = CONFIG, args = ["-i", "eth0"]): Promise<Daemon> {
    const daemon = await Daemon.start(wire, "ours", config, [...args, "-c", "@dir@/knockd.conf", "-v"]);
    running.push(daemon);
    return daemon;
  }
  const program = join(repo, "dist/src/knockctl.js");
  const knockctl = (daemon: Daemon, ...args: string[]) =>
    wire.run("server", [process.execPath, program, ...args, "-c", daemon.configPath], { timeoutMs: 30_000 });
  async function ok(daemon: Daemon, ...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await knockctl(daemon, ...args);
    assert.deepEqual([status, stderr], [0, ""], `${args.join(" ")}: ${stdout}`);
    return stdout;
  }
  async function refused(asked: Promise<Result>, why: string): Promise<void> {
    const { status, stdout, stderr } = await asked;
    assert.deepEqual([status, stdout, stderr], [1, "", `knockctl: ${why}\n`]);
  }
  const notOpen = (name: string, ip: string) => `${name} for ${ip}: it is not open, as far as knockd knows`;

  async function knock(port: number): Promise<void> {
    const sourcePort = 20_000 + (++sequence % 30_000);
    const knock = frame({ from: wire.client, to: wire.server, protocol: "udp", port, sourcePort });
    await wire.send([{ at: 0, frame: knock }]);
  }
  const dueIn = (daemon: Daemon) =>
    parseLedger(readFileSync(join(daemon.dir, "ledger"))).map(({ due }) => (due.wall - Date.now()) / 1000);

  it("a door is opened with a log line and a ledger entry, and closed when knockd ends", async () => {
    const daemon = await start();
    assert.equal(await ok(daemon, "open", "while", "192.0.2.7"), "while: opened for 192.0.2.7\n");
    assert.deepEqual(daemon.commands(), ["start while 192.0.2.7"]);
    await daemon.waitFor("running command");
    assert.deepEqual(daemon.lines(), [
      "192.0.2.7: while: opened by hand",
      `while: running command: echo start while 192.0.2.7 >>${daemon.dir}/commands`,
    ]);
    const [left = 0] = dueIn(daemon);
    assert.ok(left > 500 && left <= 600, `${left} s`);
    assert.match(await ok(daemon, "doors"), /^while .* 192\.0\.2\.7 \(10 min left\)$/m);
    await daemon.stop("SIGTERM");
    assert.deepEqual(daemon.commands(), ["start while 192.0.2.7", "stop while 192.0.2.7"]);
    assert.equal(existsSync(join(daemon.dir, "ledger")), false);
  });

  it("a door is closed on time, if it is not closed by hand before", async () => {
    const daemon = await start(CONFIG.replace("600", "1"));
    await ok(daemon, "open", "while", "fd77::9");
    await daemon.waitFor("fd77::9: while: command timeout", 20_000);
    await daemon.waitFor(() => daemon.commands().includes("stop while fd77::9"));
  });

  it("a door that a knock has opened is closed once, and opens again", async () => {
    const daemon = await start();
    await knock(7461);
    await daemon.waitFor(() => daemon.commands().length === 1);
    assert.equal(await ok(daemon, "close", "while", wire.client), `while: closed for ${wire.client}\n`);
    assert.deepEqual(daemon.commands(), [`start while ${wire.client}`, `stop while ${wire.client}`]);
    await daemon.waitFor(`${wire.client}: while: closed by hand\nwhile: running command: echo stop`);
    await daemon.waitFor(() => !existsSync(join(daemon.dir, "ledger")));
    await refused(knockctl(daemon, "close", "while", wire.client), notOpen("while", wire.client));
    await knock(7461);
    await daemon.waitFor(() => daemon.commands().length === 3);
    await daemon.stop("SIGTERM");
    assert.equal(daemon.commands().filter((line) => line.startsWith("stop")).length, 2);
  });

  it("a door's time is extended, which survives SIGKILL", async () => {
    const config = CONFIG.replace("600", "3");
    const daemon = await start(config);
    await knock(7461);
    await daemon.waitFor(() => daemon.commands().length === 1);
    const said = await ok(daemon, "extend", "while", wire.client, "7200");
    assert.match(said, /^while: open for 10\.77\.0\.2, closes in 2 h\n$/);
    await daemon.waitFor(`${wire.client}: while: extended by 7200 seconds by hand`);
    await sleep(3200);
    assert.deepEqual(daemon.commands(), [`start while ${wire.client}`], "not at its first time");
    await daemon.stop("SIGKILL");
    const [left = 0] = dueIn(daemon);
    assert.ok(left > 7100 && left <= 7203, `${left} s`);
    const next = await start(config.replaceAll("@dir@", daemon.dir));
    const open = (await ok(next, "doors", "--json")).split("\n").find((line) => line.includes('"open"'));
    const { door, ip, left: stillLeft } = JSON.parse(open!);
    assert.deepEqual([door, ip], ["while", wire.client]);
    assert.ok(stillLeft > 7100 && stillLeft <= 7203, `${stillLeft} s`);
    await ok(next, "close", "while", wire.client);
    assert.deepEqual(daemon.commands(), [`start while ${wire.client}`, `stop while ${wire.client}`]);
  });

  it("what cannot be done is refused, with a line and status 1", async () => {
    const twice = `[twice]\nsequence = 7462\ncommand = true\n[twice]\nsequence = 7463\ncommand = true\n`;
    const only4 = "[only IPv4]\nsequence = 7464\ncommand = true\ncommand_6 =\n";
    const daemon = await start(`${CONFIG}${twice}${only4}`);
    await refused(
      knockctl(daemon, "open", "nothing", "192.0.2.7"),
      'there is no door "nothing": knockctl doors lists the doors',
    );
    await refused(
      knockctl(daemon, "open", "twice", "192.0.2.7"),
      '2 doors have the name "twice": give each its own name',
    );
    await refused(knockctl(daemon, "open", "only IPv4", "fd00::1"), "only IPv4 for fd00::1: it has no start command");
    await refused(knockctl(daemon, "extend", "while", "192.0.2.7", "5"), notOpen("while", "192.0.2.7"));
    const stays = "it has no stop command, so knockd cannot close it";
    await refused(knockctl(daemon, "close", "only IPv4", "192.0.2.7"), `only IPv4 for 192.0.2.7: ${stays}`);
    await refused(knockctl(daemon, "extend", "twice", "192.0.2.7", "5"), `twice for 192.0.2.7: ${stays}`);
    await refused(knockctl(daemon, "close", "whale", "192.0.2.7"), 'there is no door "whale": did you mean "while"?');
    await refused(
      knockctl(daemon, "extend", "while", "192.0.2.7", "2000000000"),
      "the seconds must be a number above 0 and at most 1000000000",
    );
    assert.deepEqual([daemon.commands(), daemon.lines()], [[], []]);
    await ok(daemon, "open", "only IPv4", "192.0.2.7");
  });

  it("opens for no address that a client cannot have, be it by a command or by the kernel", async () => {
    const kernel = "[kernel]\nsequence = 7464:udp\nopen = tcp/22\nfor = 60s\n";
    const daemon = await start(`${CONFIG}${kernel}`);
    const { stdout } = await wire.run("server", ["ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "link"]);
    const linkLocal = /inet6 ([^/]+)/.exec(stdout)![1]!;
    const none = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.77.0.255", wire.server];
    const none6 = ["::", "::1", "ff02::1", "::10.77.0.2", linkLocal];
    for (const [door, addresses, zones] of [
      ["while", [...none, ...none6], ["fe80::1%junk", "fe80::1%", "fe80::1%eth0%eth0", "fd77::2%eth0"]],
      ["kernel", ["0.0.0.0", wire.server], ["192.0.2.7%eth0"]],
    ] as const) {
      for (const ip of addresses)
        await refused(
          knockctl(daemon, "open", door, ip),
          `${door} for ${ip}: it is not opened, because no client can have this address`,
        );
      for (const ip of zones)
        await refused(knockctl(daemon, "open", door, ip), `"${ip}" is not an IP address, or its zone is no interface`);
    }
    assert.deepEqual([daemon.commands(), daemon.lines()], [[], []]);
    assert.equal(await ok(daemon, "open", "while", "fe80::1%eth0"), "while: opened for fe80::1\n");
    assert.equal(
      await ok(daemon, "extend", "while", "fe80::1%eth0", "60"),
      "while: open for fe80::1, closes in 11 min\n",
    );
  });

  it("closes what is open for an address that meanwhile became this host's own", async () => {
    const daemon = await start();
    await ok(daemon, "open", "while", "10.77.0.99");
    await wire.run("server", ["ip", "addr", "add", "10.77.0.99/24", "dev", "eth0"]);
    try {
      await daemon.waitFor("10.77.0.99, ");
      await refused(
        knockctl(daemon, "open", "while", "10.77.0.99"),
        "while for 10.77.0.99: it is not opened, because no client can have this address",
      );
      assert.match(await ok(daemon, "extend", "while", "10.77.0.99", "60"), /closes in/);
      assert.equal(await ok(daemon, "close", "while", "10.77.0.99"), "while: closed for 10.77.0.99\n");
    } finally {
      await wire.run("server", ["ip", "addr", "del", "10.77.0.99/24", "dev", "eth0"]);
    }
  });

  it("a command that fails causes status 1, and a slow one is not waited for", async () => {
    const fails = "[fails]\nsequence = 7462\ncommand = exit 3\n";
    const slow = "[slow]\nsequence = 7463\ncommand = sleep 30\n";
    const daemon = await start(`${CONFIG}${fails}${slow}`);
    const failed = await knockctl(daemon, "open", "fails", "192.0.2.7");
    assert.deepEqual(
      [failed.status, failed.stdout, failed.stderr],
      [1, "fails: the start command for 192.0.2.7 returned 3\n", ""],
    );
    const answers = (await ok(daemon, "open", "slow", "192.0.2.7", "--json")).split("\n");
    assert.deepEqual(JSON.parse(answers[1]!), {
      version: 1,
      type: "opened",
      door: "slow",
      ip: "192.0.2.7",
      command: "runs",
    });
  });

  it("of two daemons with one config, one opens the door, and the one that has it open closes it", async () => {
    const config = CONFIG.replace("StateFile = @dir@/ledger\n", "");
    const one = await start(config);
    const argv = [process.execPath, join(repo, "dist/src/knockd.js"), "-i", "lo", "-c", one.configPath, "-v"];
    const other = wire.spawn("server", argv, { stdio: ["ignore", "pipe", "ignore"] });
    const ended = new Promise((resolve) => other.once("exit", resolve));
    try {
      await new Promise((resolve) => other.stdout!.once("data", resolve)); // it listens
      await ok(one, "open", "while", "192.0.2.7");
      await ok(one, "extend", "while", "192.0.2.7", "5");
      await ok(one, "close", "while", "192.0.2.7");
      assert.deepEqual(one.commands(), ["start while 192.0.2.7", "stop while 192.0.2.7"]);
      await refused(knockctl(one, "close", "while", "192.0.2.7"), notOpen("while", "192.0.2.7"));
    } finally {
      other.kill("SIGTERM");
      await ended;
    }
  });
});
