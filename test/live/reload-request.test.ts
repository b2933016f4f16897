// Tests knockd --reload, which knockd.service and the init script run: its exit status says whether the daemon has adopted its
// config, which SIGHUP cannot.
import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Daemon, type StartOptions } from "./daemon.ts";
import { inMountsOf } from "./mount-namespace.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const door = (name: string) => `[${name}]\nsequence = 7000:udp\ncommand = echo ${name} >>$KNOCK_LOG\n`;
const ARGS = ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v"];
const STAYS = "The old configuration stays in force.\n";
/** Each daemon has a directory of its own for its sockets. */
const OWN_RUN = [
  ...["unshare", "-m", "sh", "-c"],
  'mount -t tmpfs -o mode=700 private-run /run/knockd; exec "$@"',
  "sh",
];
/** Its name server never answers. */
const SLOW_RESOLVER = OWN_RUN.map((word) =>
  word.replace("exec", "echo nameserver 127.0.0.1 >@dir@/resolv; mount --bind @dir@/resolv /etc/resolv.conf; exec"),
);
const NO_RUN = OWN_RUN.map((word) => word.replace("mode=700", "ro"));

describe("knockd --reload", { skip: needsRoot }, () => {
  let wire: Wire;
  const running: Daemon[] = [];
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop();
    await wire.run("server", ["nft", "flush", "ruleset"]);
  });

  async function start(config: string, args: readonly string[] = ARGS, options: StartOptions = {}): Promise<Daemon> {
    const daemon = await Daemon.start(wire, "ours", config, args, { by: OWN_RUN, ...options });
    running.push(daemon);
    return daemon;
  }
  const argv = (daemon: Daemon, config: string) =>
    inMountsOf(daemon.pid, process.execPath, join(repo, "dist/src/knockd.js"), "--reload", "-c", config);
  const reload = (daemon: Daemon, pid?: number, config = daemon.configPath) =>
    wire.run("server", argv(daemon, config), {
      timeoutMs: 30_000,
      ...(pid === undefined ? {} : { env: { MAINPID: `${pid}` } }),
    });
  const doors = async (daemon: Daemon) => {
    const knockctl = [process.execPath, join(repo, "dist/src/knockctl.js"), "doors", "--json", "-c", daemon.configPath];
    const { stdout } = await wire.run("server", inMountsOf(daemon.pid, ...knockctl));
    return [...stdout.matchAll(/"door":"([^"]*)"/g)].map(([, name]) => name);
  };

  it("returns when the daemon has adopted the config, however slow it is", async () => {
    const daemon = await start(door("old"));
    writeFileSync(daemon.configPath, door("new"));
    daemon.signal("SIGSTOP");
    const [program = "", ...args] = argv(daemon, daemon.configPath);
    const child = wire.spawn("server", [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const ended = once(child, "exit");
    await sleep(1000); // longer than a daemon that only gets a signal would be waited for
    assert.equal(child.exitCode, null);
    daemon.signal("SIGCONT");
    assert.deepEqual(await ended, [0, null]);
    assert.deepEqual(await doors(daemon), ["new"]);
  });

  it("fails with the line of a config that has a fault, and leaves the daemon alone", async () => {
    const daemon = await start(door("old"));
    appendFileSync(daemon.configPath, "nonsense\n");
    const { status, stdout, stderr } = await reload(daemon);
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /^config: line 4: syntax error .*\n$/);
    assert.ok(!daemon.stdout.includes("re-reading"));
    assert.deepEqual(await doors(daemon), ["old"]);
  });

  it("fails if the daemon refuses a config that has no fault, and says why", async () => {
    const daemon = await start("[options]\nLogFile = @dir@/log\n[door]\nsequence = 7000,7001\nopen = tcp/22\n");
    await daemon.waitFor(() => readFileSync(join(daemon.dir, "log"), "utf8").includes("locked down: "));
    appendFileSync(daemon.configPath, door("command"));
    for (const pid of [undefined, daemon.pid]) {
      const { status, stdout, stderr } = await reload(daemon, pid);
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, /^config: line 8: door 'command' has a command, and this knockd can run none: restart .*\n/);
      assert.ok(stderr.endsWith(STAYS), stderr);
    }
    assert.deepEqual(await doors(daemon), ["door"]);
    await daemon.waitFor(() => daemon.stderr.endsWith("the old configuration stays in force\n")); // in the log, too
  });

  it("fails if the daemon needs longer, and does not claim that the old config stays", async () => {
    const daemon = await start(door("old"), ARGS, { by: SLOW_RESOLVER });
    const resolver = wire.spawn("server", ["nc", "-lu", "127.0.0.1", "53"], { stdio: ["pipe", "ignore", "ignore"] });
    writeFileSync(daemon.configPath, `${door("new")}target = nowhere.example\n`);
    const { status, stderr } = await reload(daemon);
    resolver.kill();
    assert.equal(status, 1);
    assert.match(stderr, /^knockd is still reading its config, .*\n$/);
  });

  it("reaches only the daemon of MAINPID, of two with the same config", async () => {
    const one = await start(door("old"));
    const by = inMountsOf(one.pid);
    const other = await start("", ["-i", "lo", "-c", one.configPath, "-v"], { by, ready: "listening on lo..." });
    writeFileSync(one.configPath, door("new"));
    assert.deepEqual(await reload(one, other.pid), { status: 0, signal: null, stdout: "", stderr: "" });
    await other.waitFor("re-reading config file");
    assert.ok(!one.stdout.includes("re-reading"));
    assert.equal((await reload(one)).status, 0);
    await one.waitFor("re-reading config file");
  });

  it("sends SIGHUP to MAINPID if it has no socket, and says so", async () => {
    const daemon = await start(door("old"), ARGS, { by: NO_RUN });
    const { status, stderr } = await reload(daemon, daemon.pid);
    assert.deepEqual(
      [status, stderr],
      [0, `knockd (${daemon.pid}) has no socket: its log says whether it adopts the config\n`],
    );
    await daemon.waitFor("re-reading config file");
  });

  it("fails if no daemon runs with this config", async () => {
    const daemon = await start(door("old"));
    const other = join(daemon.dir, "other.conf");
    writeFileSync(other, door("other"));
    const { status, stderr } = await reload(daemon, undefined, other);
    assert.deepEqual([status, stderr], [1, `no knockd runs with ${other}\n`]);
  });
});
