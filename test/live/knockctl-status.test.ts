// Tests knockctl status and doors, with the real daemon and real knocks.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../frame.ts";
import { Daemon, type StartOptions } from "./daemon.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const CONFIG = `
[while]
  sequence = 7461,7462:udp,7463
  seq_timeout = 60
  tcpflags = syn
  start_command = echo open %IP% >>$KNOCK_LOG
  cmd_timeout = 500
  stop_command = echo close %IP% >>$KNOCK_LOG
[for good]
  sequence = 7464
  command = exit 3
[nonsense]
  sequence = 7465 7466
  command = true
`;

describe("knockctl shows", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;
  const running: Daemon[] = [];
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop();
  });

  async function start(config: string, args = ["-i", "eth0"], more: StartOptions = {}): Promise<Daemon> {
    const daemon = await Daemon.start(wire, "ours", config, [...args, "-c", "@dir@/knockd.conf", "-v"], more);
    running.push(daemon);
    return daemon;
  }
  const knockctl = (daemon: Daemon, ...args: string[]) =>
    wire.run("server", [process.execPath, join(repo, "dist/src/knockctl.js"), ...args, "-c", daemon.configPath]);
  const knock = (...ports: number[]) =>
    wire.send(
      ports.map((port, i) => ({
        at: i * 0.03,
        frame: frame({
          from: wire.client,
          to: wire.server,
          protocol: port === 7462 ? "udp" : "tcp",
          port,
          seq: ++sequence,
        }),
      })),
    );

  it("status: everything about a daemon, and never a port", async () => {
    const daemon = await start(CONFIG, ["-i", "eth0,wlan9"]);
    await knock(7461, 7462, 7463, 7464, 7461);
    await daemon.waitFor("for good: running command");
    await daemon.waitFor(() => daemon.stderr.includes("for good: command returned"));
    await daemon.waitFor(() => daemon.lines().filter((line) => line.endsWith("while: Stage 1")).length === 2);
    await sleep(600); // which is shown as a second
    const { status, stdout, stderr } = await knockctl(daemon, "status");
    assert.deepEqual([status, stderr], [0, ""]);
    const own = String.raw`10\.77\.0\.1, fd77::1, fe80::\S+`;
    const date = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;
    const expected = [
      `knockd \\S+ is listening \\(pid ${daemon.pid}, up [1-9]\\d* s\\)`,
      "  wlan9: waiting: there is no such interface",
      "",
      "INTERFACE +ADDRESSES +HEARS +PACKETS +DROPPED",
      `eth0 +${own} +yes, \\d+ s ago +5 +0`,
      "wlan9 +- +waiting +- +-",
      "",
      "DOOR +TRIGGER +TIMEOUT +CLOSES +OPEN FOR",
      " +AFTER",
      "while +3 knocks +60 s +8 min +10\\.77\\.0\\.2 \\(8 min left\\)",
      "for good +1 knock +25 s +never +opened 1 time; stays open: no stop command",
      "",
      "Since start: 2 openings, 0 timeouts, 0 scans, 1 failed command",
      "Now: 1 live attempt",
      "",
      "TIME +RECENT WARNINGS AND ERRORS",
      `${date}  config: line \\d+: .*`,
      " .*",
      `${date}  for good: command returned non-zero status code \\(3\\)`,
    ];
    const lines = stdout.split("\n").slice(0, -1);
    for (const [i, line] of expected.entries()) assert.match(lines[i] ?? "", new RegExp(`^${line}$`), stdout);
    assert.equal(lines.length, expected.length, stdout);

    const json = await knockctl(daemon, "status", "--json");
    assert.deepEqual([json.status, json.stderr], [0, ""]);
    const answers = json.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const { type, version, since, ...rest } = answers[1];
    assert.deepEqual([type, version], ["status", 1]);
    const counts = { stages: 5, opens: 2, timeouts: 0, scans: 0, commandsFailed: 1 };
    assert.deepEqual(rest, { interfaces: "eth0,wlan9", doors: 2, live: 1, open: 1, counts });
    assert.ok(Math.abs(Date.parse(since) - Date.now()) < 60_000);
    assert.deepEqual([answers[2].packets, answers[2].state], [{ seen: 5, dropped: 0 }, "hears"]);
    assert.deepEqual(answers.at(-1), { version: 1, type: "end" });
    assert.doesNotMatch(stdout + json.stdout, /746\d/);

    const secrets = await knockctl(daemon, "status", "--secrets");
    assert.equal(secrets.status, 0);
    assert.match(secrets.stdout, /^while\n {2}Sequence +7461:tcp,7462:udp,7463:tcp\n {2}TCPFlags +syn$/m);
    assert.match(secrets.stdout, /port "7465 7466"\s+is\s+invalid/);
  });

  it("doors, and with --secrets what opens them", async () => {
    const daemon = await start(CONFIG);
    await knock(7461, 7462, 7463);
    await daemon.waitFor(() => daemon.commands().length === 1);
    const table = [
      "DOOR      TRIGGER   TIMEOUT  CLOSES AFTER  OPEN FOR",
      "while     3 knocks  60 s     8 min         10.77.0.2 (8 min left)",
      "for good  1 knock   25 s     never         -",
      "",
    ];
    const plain = await knockctl(daemon, "doors");
    assert.deepEqual(plain.stdout.split("\n"), table);
    assert.deepEqual([plain.status, plain.stderr], [0, ""]);
    const secrets = await knockctl(daemon, "doors", "--secrets");
    assert.deepEqual(secrets.stdout.split("\n"), [
      ...table,
      "while",
      "  Sequence        7461:tcp,7462:udp,7463:tcp",
      "  TCPFlags        syn",
      "  Start_Command   echo open %IP% >>$KNOCK_LOG",
      "  Stop_Command    echo close %IP% >>$KNOCK_LOG",
      "",
      "for good",
      "  Sequence        7464:tcp",
      "  Start_Command   exit 3",
      "",
    ]);
  });

  it("what is possible for a daemon with the unchanged example config", async () => {
    const config = readFileSync(join(repo, "knockd.conf.example"), "utf8");
    const args = ["-i", "eth0", "-c", "@dir@/knockd.conf"];
    const daemon = await Daemon.start(wire, "ours", config, args, { syslog: true, ready: "" });
    running.push(daemon);
    await daemon.waitFor(() => daemon.syslog().some((line) => line.includes("starting up")));
    const { status, stdout, stderr } = await knockctl(daemon, "status");
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(stdout, /^eth0 +10\.77\.0\.1, .* yes, .* 0 +0$/m);
    assert.match(stdout, /^openSSH +3 knocks +10 s +never +-$/m);
    assert.doesNotMatch(stdout, /4438|1813|8235/);
    assert.match((await knockctl(daemon, "doors")).stdout, /^DOOR .*\nopenSSH +3 knocks +10 s +never +-\n$/);
    assert.match((await knockctl(daemon, "metrics")).stdout, /^knockd_up 1$/m);
    for (const command of ["-N KNOCKD", "-S KNOCKD"]) {
      assert.equal((await wire.run("server", ["iptables", ...command.split(" ")])).status, 0);
    }
    const opened = await knockctl(daemon, "open", "openSSH", "192.0.2.7");
    assert.deepEqual([opened.status, opened.stdout], [0, "openSSH: opened for 192.0.2.7\n"]);
    const rules = await wire.run("server", ["iptables", "-S", "KNOCKD"]);
    assert.match(rules.stdout, /^-A KNOCKD -s 192\.0\.2\.7\/32 -p tcp -m tcp --dport 22 -j ACCEPT$/m);
    await daemon.waitFor(() => daemon.syslog().some((line) => line.endsWith("192.0.2.7: openSSH: opened by hand")));
  });

  it("metrics: the counts of real knocks, in a file that is never partial", async () => {
    const daemon = await start(CONFIG.replace("seq_timeout = 60", "seq_timeout = 1"));
    await knock(7461, 7462, 7463, 7464, 7461);
    await daemon.waitFor("while: sequence timeout (stage 1)");
    await daemon.waitFor(() => daemon.stderr.includes("for good: command returned"));
    const file = join(daemon.dir, "knockd.prom");
    assert.deepEqual(await knockctl(daemon, "metrics", "-o", file), {
      status: 0,
      signal: null,
      stdout: "",
      stderr: "",
    });
    const series = (text: string) => text.split("\n").filter((line) => !line.startsWith("#") && line !== "");
    const written = series(readFileSync(file, "utf8"));
    for (const line of [
      "knockd_up 1",
      'knockd_packets_seen_total{daemon="eth0",interface="eth0"} 5',
      'knockd_packets_dropped_total{daemon="eth0",interface="eth0"} 0',
      'knockd_deaf{daemon="eth0",interface="eth0"} 0',
      'knockd_stages_total{daemon="eth0"} 5',
      'knockd_opens_total{daemon="eth0"} 2',
      'knockd_timeouts_total{daemon="eth0"} 1',
      'knockd_scans_total{daemon="eth0"} 0',
      'knockd_commands_failed_total{daemon="eth0"} 1',
      'knockd_live_attempts{daemon="eth0"} 0',
      'knockd_open_doors{daemon="eth0"} 1',
    ]) {
      assert.ok(written.includes(line), `${line}: ${written.join("\n")}`);
    }
    const first = statSync(file);
    assert.equal(first.mode & 0o777, 0o644);
    assert.equal((await knockctl(daemon, "metrics", "-o", file)).status, 0);
    assert.notEqual(statSync(file).ino, first.ino, "another file, by the same name");
    const { stdout } = await knockctl(daemon, "metrics");
    assert.deepEqual(series(stdout), written, "the start is the same, too");
    assert.deepEqual(readdirSync(daemon.dir).sort(), ["commands", "knockd.conf", "knockd.prom"]);

    const shadow = join(daemon.dir, "shadow");
    const planted = `ln -s ${shadow} ${daemon.dir}/.knockd.prom.$$; exec "$@"`;
    const argv = [process.execPath, join(repo, "dist/src/knockctl.js"), "metrics", "-c", daemon.configPath, "-o", file];
    assert.equal((await wire.run("server", ["sh", "-c", planted, "sh", ...argv])).status, 0);
    assert.ok(!readdirSync(daemon.dir).includes("shadow"), "a link that lies there is not followed");
    assert.deepEqual(series(readFileSync(file, "utf8")), written);

    const nowhere = await knockctl(daemon, "metrics", "-o", join(daemon.dir, "no", "x.prom"));
    assert.equal(nowhere.status, 1);
    assert.match(nowhere.stderr, /^knockctl: can't write \S+\/no\/x\.prom: No such file or directory\n$/);

    await daemon.stop();
    const down = await knockctl(daemon, "metrics", "-o", file);
    assert.equal(down.status, 3);
    assert.match(down.stderr, /^knockctl: no knockd runs with /);
    assert.deepEqual(series(readFileSync(file, "utf8")), ["knockd_up 0"]);
  });

  it("colours on a terminal, unless NO_COLOR is set", async () => {
    const daemon = await start(CONFIG, ["-i", "eth0,wlan9"]);
    const pty = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]))";
    const argv = [process.execPath, join(repo, "dist/src/knockctl.js"), "status", "-c", daemon.configPath];
    const inTerminal = (env: NodeJS.ProcessEnv) =>
      wire.run("server", ["python3", "-c", pty, ...argv], { env: { TERM: "xterm", CI: undefined, ...env } });
    const coloured = await inTerminal({});
    assert.ok(coloured.stdout.includes("\x1b[2mwaiting\x1b[22m"), coloured.stdout);
    const plain = await inTerminal({ NO_COLOR: "1" });
    assert.match(plain.stdout, /● knockd .* is listening/);
    assert.ok(!plain.stdout.includes("\x1b"), plain.stdout);
  });
});
