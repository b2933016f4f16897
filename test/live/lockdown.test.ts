// Tests a daemon all of whose doors are opened by the kernel: an attacker's code in it can start no program, and all
// its own work after the start still succeeds. A daemon with commands is not restricted.
import assert from "node:assert/strict";
import { appendFileSync, existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { until } from "../time-limit.ts";
import { Daemon, type StartOptions } from "./daemon.ts";
import { compiled, needsRoot, repo, Wire } from "./wire.ts";

const OPTIONS = "[options]\nLogFile = @dir@/events\n";
const OPEN = `${OPTIONS}[door]\nsequence = 7000,7001,7002\nopen = tcp/22\n`;
const COMMAND = `${OPTIONS}[door]\nsequence = 7000,7001,7002\ncommand = echo open >>$KNOCK_LOG\n`;
const LOCKED = "locked down: no program can be started until knockd restarts";

describe("a daemon with only built-in doors", { skip: needsRoot }, () => {
  const library = compiled("test/native/injected.cc", "build/injected.so", "-shared", "-fPIC", "-pthread");
  let wire: Wire;
  let sequence = 0;
  const running: Daemon[] = [];
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop();
    await wire.run("server", ["nft", "flush", "ruleset"]); // the next daemon has another config
  });

  async function start(config: string, args = ["-i", "eth0"], options: StartOptions = {}): Promise<Daemon> {
    const daemon = await Daemon.start(wire, "ours", config, [...args, "-c", "@dir@/knockd.conf", "-v"], options);
    running.push(daemon);
    return daemon;
  }
  const logged = (daemon: Daemon, file = "events") =>
    existsSync(join(daemon.dir, file)) ? readFileSync(join(daemon.dir, file), "utf8") : "";
  const says = (daemon: Daemon, text: string) => daemon.waitFor(() => logged(daemon).includes(text));
  const knock = (to = wire.server, from = wire.client) =>
    wire.send(
      [7000, 7001, 7002].map((port, i) => ({
        at: i * 0.05,
        frame: frame({ from, to, protocol: "tcp", port, seq: ++sequence }),
      })),
    );
  const field = (pid: number, name: string) =>
    readdirSync(`/proc/${pid}/task`).map((tid) => {
      const status = readFileSync(`/proc/${pid}/task/${tid}/status`, "utf8");
      return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)![1]!;
    });
  const filters = (daemon: Daemon) => [...new Set(field(daemon.pid, "Seccomp"))];

  it("cannot start /bin/sh, whatever code runs in it, and keeps working", async () => {
    const results = join(wire.dir, "injected");
    const daemon = await start(OPEN, undefined, { env: { LD_PRELOAD: library, INJECTED: results } });
    await says(daemon, LOCKED);
    assert.deepEqual(filters(daemon), ["2"]);
    assert.deepEqual([...new Set(field(daemon.pid, "CapEff"))], ["0000000000003000"]);
    writeFileSync(`${results}.go`, "go");
    const tried = () => (existsSync(results) ? readFileSync(results, "utf8") : "");
    assert.ok(await until(() => tried().includes("all done"), 20_000), tried());
    assert.doesNotMatch(tried(), /^shell$/m);
    assert.doesNotMatch(tried(), / (fork|execve|execveat|posix_spawn) 0$/m);
    assert.match(tried(), /^main execve 1$/m);
    await knock();
    await says(daemon, `${wire.client}: door: OPEN SESAME`);
  });

  it("rereads its config, reopens its log, finds interfaces, looks up names, answers knockctl, and ends cleanly", async () => {
    const args = ["-i", "eth0,late0", "--wait", "-l", "-p", "@dir@/pid"];
    const daemon = await start(OPEN, args);
    await says(daemon, LOCKED);
    assert.equal(statSync(daemon.configPath).uid, 0);
    const config = `${OPEN.replaceAll("@dir@", daemon.dir)}[other]\nsequence = 7100\nopen = tcp/23\n`;
    writeFileSync(daemon.configPath, config, { mode: 0o600 });
    renameSync(join(daemon.dir, "events"), join(daemon.dir, "events.1"));
    daemon.signal("SIGHUP");
    await daemon.waitFor(() => existsSync(join(daemon.dir, "events")));

    for (const args of [
      ["link", "add", "link", "eth0", "name", "late0", "address", "02:77:00:00:00:05", "type", "macvlan"],
      ["address", "add", "10.77.5.1/24", "dev", "late0"],
      ["link", "set", "late0", "up"],
    ])
      assert.equal((await wire.run("server", ["ip", ...args])).status, 0);
    await says(daemon, "late0 is there: listening at 10.77.5.1");
    await knock();
    await says(daemon, "door: OPEN SESAME");

    const knockctl = [process.execPath, join(repo, "dist/src/knockctl.js"), "status", "-c", daemon.configPath];
    const status = await wire.run("server", knockctl);
    assert.match(status.stdout, /is listening[\s\S]*\nother /, status.stderr);
    assert.equal((await daemon.stop()).status, 15);
    assert.doesNotMatch(logged(daemon) + logged(daemon, "events.1") + daemon.stderr, /denied|not permitted|EPERM/i);
  });

  it("refuses a reload with a command, names its line, and continues as before", async () => {
    const daemon = await start(OPEN);
    await says(daemon, LOCKED);
    appendFileSync(daemon.configPath, "[other]\nsequence = 7100\ncommand = /bin/true\n");
    daemon.signal("SIGHUP");
    await says(daemon, "the old configuration stays in force");
    assert.match(
      logged(daemon),
      /config: line 8: door 'other' has a command, and this knockd can run none: restart to run commands \(.*knockd\.conf: command = \/bin\/true\)\n/,
    );
    await knock();
    await says(daemon, `${wire.client}: door: OPEN SESAME`);
  });

  it("first closes doors of an earlier daemon that need a command", async () => {
    const commands =
      "start_command = echo open >>$KNOCK_LOG\nstop_command = echo closed >>$KNOCK_LOG\ncmd_timeout = 2\n";
    const left = await start(`${OPTIONS}StateFile = @dir@/state\n[door]\nsequence = 7000,7001,7002\n${commands}`);
    await knock();
    await left.waitFor(() => left.commands().length === 1);
    left.signal("SIGKILL");
    await left.exited;
    const state = `StateFile = ${left.dir}/state\n`;
    const daemon = await start(OPEN.replace("[door]", `${state}[door]`));
    await says(daemon, LOCKED);
    assert.deepEqual(daemon.commands(), ["closed"]);
  });

  for (const [title, config] of [
    ["with a command too", `${OPEN}[other]\nsequence = 7100\ncommand = /bin/true\n`],
    ["without built-in doors", COMMAND],
    ["without built-in doors or commands", COMMAND.replace(/command.*\n/, "")],
  ] as const) {
    it(`${title} keeps all rights`, async () => {
      const daemon = await start(config);
      await knock();
      await says(daemon, `${wire.client}: door: OPEN SESAME`);
      assert.deepEqual(filters(daemon), ["0"]);
      assert.deepEqual([...new Set(field(daemon.pid, "NoNewPrivs"))], ["0"]);
      assert.doesNotMatch(logged(daemon), /locked down/);
    });
  }
});
