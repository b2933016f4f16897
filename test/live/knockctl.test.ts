// Tests knockctl with the real daemon: does knockd receive knocks, and does it still while its socket is abused?
import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { requestLine } from "../../src/control/protocol.ts";
import { groupSocketOf, socketPath } from "../../src/control/socket-path.ts";
import { frame } from "../frame.ts";
import { scaled } from "../time-limit.ts";
import { Daemon, type StartOptions } from "./daemon.ts";
import { inMountsOf } from "./mount-namespace.ts";
import { Tun } from "./tun.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const CONFIG = `
[secret]
  sequence = 7461,7462:udp,7463
  seq_timeout = 60
  start_command = echo open %IP% >>$KNOCK_LOG
`;

const NOBODY = ["--reuid=65534", "--regid=65534"];
/** A number that no group of this machine has. */
const GROUP = 64_123;

// Replaces the filter of a daemon's packet socket, from outside, by one that passes nothing (pidfd_getfd(2)), and locks
// it (second argument: lock), so that the daemon can't restore its own.
const DEAFEN = `
import ctypes, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
pid, lock = int(sys.argv[1]), sys.argv[2] == 'lock'
pidfd = libc.syscall(434, pid, 0)
sockets = [int(fd) for fd in os.listdir(f'/proc/{pid}/fd') if os.readlink(f'/proc/{pid}/fd/{fd}').startswith('socket:')]
deafened = 0
for fd in sockets:
    copy = libc.syscall(438, pidfd, fd, 0)
    assert copy >= 0, os.strerror(ctypes.get_errno())
    with socket.socket(fileno=copy) as sock:
        if sock.family != socket.AF_PACKET: continue
        nothing = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0))
        sock.setsockopt(socket.SOL_SOCKET, 26, struct.pack('HxxxxxxP', 1, ctypes.addressof(nothing))) # SO_ATTACH_FILTER
        if lock: sock.setsockopt(socket.SOL_SOCKET, 44, 1) # SO_LOCK_FILTER
        deafened += 1
assert deafened == 1, deafened
`;

// Connects as fast as it can, and does nothing else. Prints a line after the first thousand.
const STORM = `
import socket, sys
made = 0
while True:
    with socket.socket(socket.AF_UNIX) as sock:
        try: sock.connect(sys.argv[1])
        except OSError: continue
    made += 1
    if made == 1000: print('storm', flush=True)
`;

describe("knockctl", { skip: needsRoot }, () => {
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

  async function start(args: string[] = ["-i", "eth0"], more: StartOptions = {}): Promise<Daemon> {
    const daemon = await Daemon.start(wire, "ours", CONFIG, [...args, "-c", "@dir@/knockd.conf", "-v"], more);
    running.push(daemon);
    return daemon;
  }

  const knockctl = (...args: string[]) => wire.run("server", [process.execPath, program, ...args]);
  const program = join(repo, "dist/src/knockctl.js");
  const selfTest = (daemon: Daemon, ...more: string[]) => knockctl("self-test", "-c", daemon.configPath, ...more);

  async function knock(...from: string[]): Promise<void> {
    await wire.send(
      from.flatMap((ip, n) =>
        [7461, 7462, 7463].map((port, i) => ({
          at: n * 0.005 + i * 0.03,
          frame: frame({
            from: ip,
            to: wire.server,
            protocol: port === 7462 ? "udp" : "tcp",
            port,
            seq: ++sequence,
          }),
        })),
      ),
    );
  }

  async function deafen(daemon: Daemon, how: "lock" | "once"): Promise<void> {
    const { status, stderr } = await wire.run("server", ["python3", "-c", DEAFEN, `${daemon.pid}`, how]);
    assert.equal(status, 0, stderr);
  }

  it("self-test: 0 if all is well, with the number of knocks tried, and never a port", async () => {
    const daemon = await start();
    const { status, stdout, stderr } = await selfTest(daemon);
    assert.match(
      stdout,
      /^knockd \S+ is listening \(pid \d+, self-test of 9 knocks\)\n\nINTERFACE .*\neth0 +10\.77\.0\.1, fd77::1, fe80::\S+ +yes\n$/,
    );
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    const json = await selfTest(daemon, "--json");
    assert.equal(json.status, 0);
    const [first, eth0, end] = json.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      [first.type, first.version, first.pid, first.config],
      ["daemon", 1, daemon.pid, daemon.configPath],
    );
    assert.deepEqual([eth0.type, eth0.interface, eth0.state, eth0.tried], ["interface", "eth0", "hears", 9]);
    assert.deepEqual(end, { version: 1, type: "end" });
    assert.doesNotMatch(stdout + json.stdout, /746[123]/);
    assert.equal(statSync(socketPath(daemon.configPath, ["eth0"])).mode & 0o777, 0o600);
  });

  it("self-test: repairs a removed filter; 1 if that fails, and knocks are missed", async () => {
    const daemon = await start();
    await deafen(daemon, "once");
    await knock("10.77.0.2");
    assert.equal((await selfTest(daemon)).status, 0);
    await knock("10.77.0.3");
    await daemon.waitFor(() => daemon.commands().length === 1);
    assert.deepEqual(daemon.commands(), ["open 10.77.0.3"]);

    await deafen(daemon, "lock");
    const { status, stdout } = await selfTest(daemon);
    assert.match(
      stdout,
      /^knockd \S+ is deaf on eth0 .*\n {2}eth0: deaf: could not listen on eth0: .+\n(?: {4}.*\n)*\nINTERFACE .*\neth0 .* no, deaf\n$/,
    );
    assert.equal(status, 1);
    assert.doesNotMatch(stdout, /746[123]/);
    await daemon.waitFor(() => daemon.stderr.includes("eth0: deaf: could not listen"));
    const again = await selfTest(daemon, "--json");
    assert.equal(again.status, 1);
    assert.equal(JSON.parse(again.stdout.split("\n")[1]!).state, "deaf");
    assert.equal(daemon.ended, undefined, "it lives: whoever starts it anew decides");
  });

  it("self-test: 1 if an existing interface cannot be opened; 0 while knockd waits for it", async () => {
    const daemon = await start(["-i", "eth0,wifi0"]);
    const waiting = await selfTest(daemon);
    assert.match(
      waiting.stdout,
      /^knockd .* is listening .*\n {2}wifi0: waiting: there is no such interface\n[\s\S]*\neth0 .* yes\nwifi0 +- +waiting\n$/,
    );
    assert.equal(waiting.status, 0);
    await wire.run("server", ["ip", "link", "add", "wifi0", "type", "veth"]);
    assert.match((await selfTest(daemon)).stdout, /^ {2}wifi0: waiting: it is down$/m);
    await wire.run("server", ["ip", "link", "del", "wifi0"]);
    const tun = await Tun.open(wire, "wifi0", 801); // ARPHRD_IEEE80211, which we can't read
    await daemon.waitFor(() => daemon.stderr.includes("wifi0: deaf"));
    const deaf = await selfTest(daemon);
    assert.match(
      deaf.stdout,
      /^knockd .* is deaf on wifi0 .*\n {2}wifi0: deaf: could not listen on wifi0: link type 105 is not supported\n[\s\S]*\neth0 .* yes\nwifi0 .* no, deaf\n$/,
    );
    assert.equal(deaf.status, 1);
    tun.close();
    await daemon.waitFor(() => daemon.stderr.includes("wifi0"));
  });

  it("asks all daemons of one config, and none of another", async () => {
    const one = await start(["-i", "eth0"]);
    const other = await start(["-i", "eth0"]); // its directory, and so its config, is another
    const args = [process.execPath, join(repo, "dist/src/knockd.js"), "-i", "lo", "-c", one.configPath, "-v"];
    const second = wire.spawn("server", args, { stdio: ["ignore", "pipe", "ignore"] });
    const ended = new Promise((resolve) => second.once("exit", resolve));
    try {
      await new Promise((resolve) => second.stdout!.once("data", resolve)); // it listens
      const { stdout, status } = await selfTest(one);
      assert.match(stdout, /^eth0 .* yes\n[\s\S]*\nlo .* yes\n$/m);
      assert.equal(status, 0);
      assert.match((await selfTest(other)).stdout, /^eth0 .* yes\n$/m);
    } finally {
      second.kill("SIGTERM");
      await ended;
    }
    assert.match((await selfTest(one)).stdout, /^eth0 .* yes\n$/m);
  });

  it("self-test: reports all daemons, even if one of them is killed or hangs", async () => {
    const daemon = await start();
    const args = [process.execPath, join(repo, "dist/src/knockd.js"), "-i", "lo", "-c", daemon.configPath, "-v"];
    const second = wire.spawn("server", args, { stdio: ["ignore", "pipe", "ignore"] });
    const ended = new Promise((resolve) => second.once("exit", resolve));
    const path = socketPath(daemon.configPath, ["lo"]);
    await new Promise((resolve) => second.stdout!.once("data", resolve)); // not the socket's file: it is there before it answers
    second.kill("SIGSTOP");
    const asked = wire.run("server", [process.execPath, program, "self-test", "-c", daemon.configPath], {
      timeoutMs: 40_000,
    });
    const hangs = await asked;
    assert.match(hangs.stdout, /^eth0 .* yes\n$/m);
    assert.match(
      hangs.stderr,
      /^knockctl: the knockd at \S+@lo\.sock does not answer\nRestart it: sudo systemctl restart knockd\n$/,
    );
    assert.equal(hangs.status, 3);
    second.kill("SIGKILL");
    await ended;
    const dead = await selfTest(daemon);
    assert.match(dead.stdout, /^eth0 .* yes\n$/m);
    assert.match(dead.stderr, /@lo\.sock has died\nStart it again\. /);
    assert.equal(dead.status, 3);
    await deafen(daemon, "lock");
    assert.equal((await selfTest(daemon)).status, 1, "deaf is worse");
    rmSync(path);
  });

  it("a socket that cannot be made causes a log line, and doors still open", async () => {
    const config = join(wire.dir, "blocked.conf");
    const path = socketPath(config, ["eth0"]);
    writeFileSync(config, CONFIG);
    mkdirSync(path);
    try {
      const daemon = await Daemon.start(wire, "ours", "", ["-i", "eth0", "-c", config, "-v"]);
      running.push(daemon);
      await daemon.waitFor(() => daemon.stderr.endsWith("\n")); // not the pipe on which it said that it listens
      assert.equal(daemon.stderr, `knockctl cannot reach this knockd: ${path}: Is a directory\n`);
      await knock("10.77.0.2");
      await daemon.waitFor(() => daemon.commands().length === 1);
      assert.equal((await knockctl("self-test", "-c", config)).status, 3);
    } finally {
      rmdirSync(path);
    }
  });

  it("self-test: 3 if no daemon answers, even if one was killed; the next one replaces its socket", async () => {
    const daemon = await start();
    const path = socketPath(daemon.configPath, ["eth0"]);
    await daemon.stop("SIGKILL");
    assert.ok(existsSync(path));
    const { status, stdout, stderr } = await selfTest(daemon);
    assert.deepEqual({ status, stdout }, { status: 3, stdout: "" });
    assert.match(stderr, /^knockctl: the knockd at \S+@eth0\.sock has died\nStart it again\. .*\n$/);
    const args = [process.execPath, join(repo, "dist/src/knockd.js"), "-i", "eth0", "-c", daemon.configPath];
    const next = wire.spawn("server", args, { stdio: "ignore" });
    const ended = new Promise((resolve) => next.once("exit", resolve));
    try {
      const answers = async () => (await selfTest(daemon)).status === 0;
      while (!(await answers())) assert.equal(next.exitCode, null);
    } finally {
      next.kill("SIGTERM");
      await ended;
    }
    assert.equal(existsSync(path), false, "it goes with the daemon");
    const none = await selfTest(daemon);
    assert.deepEqual([none.status, none.stdout], [3, ""]);
    assert.match(none.stderr, /^knockctl: no knockd runs with \S+knockd\.conf\nRun .*\n$/);
  });

  it("the group knockd may ask, root may do more, and others nothing", async () => {
    // A machine with that group. Its /run/knockd is visible in the daemon's mount namespace.
    const machine =
      'set -e; mount --bind "$1" /etc/group; mount -t tmpfs -o mode=700 none /run/knockd; shift; exec "$@"';
    const daemon = await start(["-i", "eth0"], {
      files: { group: `root:x:0:\nknockd:x:${GROUP}:\n` },
      by: ["unshare", "-m", "sh", "-c", machine, "sh", "@dir@/group"],
    });
    const as = (ids: string[], ...args: string[]) => {
      const argv = ["setpriv", ...ids, process.execPath, program, ...args, "-c", daemon.configPath];
      return wire.run("server", inMountsOf(daemon.pid, ...argv));
    };
    const [member, other] = [`--groups=${GROUP}`, "--clear-groups"].map((groups) => [...NOBODY, groups]);
    const asked = await as(member!, "self-test");
    assert.match(asked.stdout, /self-test of 9 knocks\)$/m);
    assert.deepEqual([asked.status, asked.stderr], [0, ""]);
    const refused = await as(other!, "self-test");
    assert.deepEqual([refused.status, refused.stdout], [3, ""]);
    assert.match(refused.stderr, /Permission denied\nRun knockctl as root/);
    assert.equal((await as([], "self-test")).status, 0);
    for (const command of ["status", "doors"]) {
      const may = await as(member!, command);
      assert.deepEqual([may.status, may.stderr], [0, ""]);
      assert.match(may.stdout, /^secret +3 knocks +60 s +never +-$/m);
      const secrets = await as(member!, command, "--secrets");
      assert.deepEqual([secrets.status, secrets.stdout], [3, ""]);
      assert.match(secrets.stderr, /Permission denied\nRun knockctl as root/);
      assert.equal((await as(other!, command)).status, 3);
    }
    const changes = [
      ["open", "secret", "192.0.2.1"],
      ["close", "secret", "192.0.2.1"],
      ["extend", "secret", "192.0.2.1", "5"],
    ];
    for (const command of changes) {
      const may = await as(member!, ...command);
      assert.deepEqual([may.status, may.stdout], [3, ""]);
      assert.match(may.stderr, /Permission denied\nRun knockctl as root/);
    }
    const modes = "cd /run/knockd && stat -c '%a %g %F' . *.sock *.lock group group/* | sort | uniq";
    const sneaks = `
      const [, path, request] = process.argv;
      require("node:net").connect(path).on("data", (more) => process.stdout.write(more)).write(request);
    `;
    const [readers, question] = [
      groupSocketOf(socketPath(daemon.configPath, ["eth0"])),
      requestLine("open", { door: "secret", ip: "192.0.2.1" }),
    ];
    const sneak = ["setpriv", ...member!, process.execPath, "-e", sneaks, readers, question];
    const sneaked = await wire.run("server", inMountsOf(daemon.pid, ...sneak));
    assert.match(sneaked.stdout, /"type":"refused","why":"only root may do that"/);
    assert.deepEqual(daemon.commands(), []);
    const files = await wire.run("server", inMountsOf(daemon.pid, "sh", "-c", modes));
    assert.deepEqual(files.stdout.split("\n").slice(0, -1), [
      "600 0 regular empty file",
      "600 0 socket",
      `660 ${GROUP} socket`,
      "711 0 directory",
      `750 ${GROUP} directory`,
    ]);
  });

  it("without a command shows the status if knockd runs, and help otherwise", async () => {
    // The machine's config, as visible in the daemon's mount namespace.
    const machine =
      'set -e; dir=$1; shift; mkdir $dir/etc; cp /etc/passwd /etc/group $dir/knockd.conf $dir/etc; mount --bind $dir/etc /etc; exec "$@"';
    const daemon = await Daemon.start(wire, "ours", CONFIG, ["-i", "eth0", "-c", "/etc/knockd.conf", "-v"], {
      by: ["unshare", "-m", "sh", "-c", machine, "sh", "@dir@"],
    });
    running.push(daemon);
    const bare = () => wire.run("server", inMountsOf(daemon.pid, process.execPath, program));
    const asked = await bare();
    assert.equal(asked.status, 0, asked.stderr);
    assert.match(asked.stdout, /^knockd \S+ is listening /);
    await daemon.stop();
    const { status, stdout, stderr } = await knockctl();
    assert.deepEqual([status, stdout], [2, ""]);
    assert.match(stderr, /^Usage: knockctl COMMAND/);
  });

  it("self-test: 3 for users who may not ask, with advice", async () => {
    const daemon = await start();
    const argv = [
      "setpriv",
      ...NOBODY,
      "--clear-groups",
      process.execPath,
      program,
      "self-test",
      "-c",
      daemon.configPath,
    ];
    const { status, stderr } = await wire.run("server", argv);
    assert.equal(status, 3, stderr);
    assert.match(stderr, /Permission denied\nRun knockctl as root/);
  });

  /** The output of knockctl while it runs: `until` returns true, and then Ctrl-C ends it. */
  async function follow(daemon: Daemon, args: string[], until: (said: () => string) => Promise<void>) {
    const child = wire.spawn("server", [process.execPath, program, ...args, "-c", daemon.configPath]);
    let [said, complained] = ["", ""];
    child.stdout!.setEncoding("utf8").on("data", (text) => (said += text));
    child.stderr!.setEncoding("utf8").on("data", (text) => (complained += text));
    const ended = new Promise((resolve) => child.once("close", resolve));
    await until(() => said);
    child.kill("SIGINT");
    return { status: await ended, said, complained };
  }

  it("watch: shows knocks as they happen, as text and JSON, until Ctrl-C, and never a port", async () => {
    const daemon = await start();
    const knocks = async (said: () => string) => {
      const begun = () => said().includes("Stage 1") || said().includes('"stage":1');
      for (let source = 2; !begun() && source < 100; source++) await knock(`10.77.0.${source}`); // until it is there
      await knock("10.77.0.200");
      await daemon.waitFor(() => /("opened".*10\.77\.0\.200.*\}\n|10\.77\.0\.200.* opened\n)/.test(said()));
    };
    const { status, said, complained } = await follow(daemon, ["watch"], knocks);
    assert.deepEqual([status, complained], [0, ""]);
    const mine = said.split("\n").filter((line) => line.includes("10.77.0.200"));
    assert.deepEqual(
      mine.map((line) => line.split(/ {2,}/).slice(1)),
      ["Stage 1", "Stage 2", "Stage 3", "OPEN SESAME", "opened"].map((what) => ["10.77.0.200", "secret", what]),
    );
    const json = await follow(daemon, ["watch", "--json"], knocks);
    assert.deepEqual([json.status, json.complained], [0, ""]);
    const answers = json.said
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual([answers[0].type, answers[0].pid], ["daemon", daemon.pid]);
    const last = answers.filter(({ ip }) => ip === "10.77.0.200").at(-1);
    assert.deepEqual(
      [last.type, last.event, last.ip, last.door, last.status],
      ["event", "opened", "10.77.0.200", "secret", 0],
    );
    assert.ok(Math.abs(Date.parse(last.time) - Date.now()) < 60_000);
    assert.doesNotMatch(said + json.said, /746[123]/);
  });

  it("watch: shows why a packet did not count", async () => {
    const daemon = await start();
    const wrong = async (said: () => string) => {
      for (let source = 2; !said().includes("Stage 1") && source < 100; source++) await knock(`10.77.0.${source}`);
      const segments = [7461, 7463].map((port, i) => ({
        at: i * 0.05,
        frame: frame({ from: "10.77.0.201", to: wire.server, protocol: "tcp", port, seq: ++sequence }),
      }));
      await wire.send(segments);
      await daemon.waitFor(() => /10\.77\.0\.201 +secret +wrong knock/.test(said()));
    };
    const { said, complained } = await follow(daemon, ["watch"], wrong);
    assert.equal(complained, "");
    const mine = said.split("\n").filter((line) => line.includes("10.77.0.201"));
    assert.deepEqual(
      mine.map((line) => line.split(/ {2,}/).at(-1)),
      ["Stage 1", "wrong knock for Stage 2; the attempt is"],
    );
  });

  it("watch and explain show the same time for a packet, in every call", async () => {
    const daemon = await start();
    const ip = "10.77.0.202";
    const { said } = await follow(daemon, ["watch", "--json"], async (said) => {
      for (let source = 2; !said().includes('"stage":1') && source < 100; source++) await knock(`10.77.0.${source}`);
      await knock(ip);
      await daemon.waitFor(() => said().includes(`"event":"opened","ip":"${ip}"`));
    });
    const lines = (text: string) =>
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
    const watched = lines(said).flatMap((one) =>
      one.ip === ip && ["stage", "open"].includes(one.event) ? [[one.event, one.time]] : [],
    );
    assert.equal(watched.length, 4);
    for (let call = 0; call < 3; call++) {
      const { stdout } = await knockctl("explain", ip, "--json", "-c", daemon.configPath);
      const explained = lines(stdout).flatMap((one) =>
        ["stage", "open"].includes(one.verdict) ? [[one.verdict, one.time]] : [],
      );
      assert.deepEqual(explained, watched);
    }
  });

  it("watch: 3 if the daemon ends, or if there is none", async () => {
    const daemon = await start();
    const watching = knockctl("watch", "-c", daemon.configPath);
    const path = socketPath(daemon.configPath, ["eth0"]);
    for (const its = await connections(path); (await connections(path)) === its; )
      assert.equal(daemon.ended, undefined);
    await daemon.stop();
    const { status, stderr } = await watching;
    assert.equal(status, 3);
    assert.match(stderr, /^knockctl: the knockd at \S+ has ended\n$/);
    const none = await knockctl("watch", "-c", daemon.configPath);
    assert.equal(none.status, 3);
    assert.match(none.stderr, /^knockctl: no knockd runs with /);
  });

  /** The number of sockets at this path. */
  async function connections(path: string): Promise<number> {
    return (await wire.run("server", ["cat", "/proc/net/unix"])).stdout.split(path).length;
  }

  it("2 for a wrong command line, 0 for help", async () => {
    for (const args of [
      [],
      ["nonsense"],
      ["self-test", "-x"],
      ["self-test", "more"],
      ["self-test", "-c"],
      ["watch", "more"],
    ]) {
      const { status, stdout, stderr } = await knockctl(...args);
      assert.equal(status, 2, args.join(" "));
      assert.equal(stdout, "");
      assert.notEqual(stderr, "");
    }
    for (const args of [
      ["--help"],
      ["-h"],
      ["self-test", "--help"],
      ["status", "-h"],
      ["doors", "-h"],
      ["open", "-h"],
      ["close", "-h"],
      ["extend", "-h"],
      ["metrics", "-h"],
      ["watch", "-h"],
      ["-V"],
    ]) {
      const { status, stdout, stderr } = await knockctl(...args);
      assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
      assert.match(stdout, args[0] === "-V" ? /^knockctl \d/ : /^Usage: knockctl/);
    }
  });

  it("abuse of the socket costs no knock, and does not keep others out", async () => {
    const daemon = await start();
    const path = socketPath(daemon.configPath, ["eth0"]);
    const clients = new Set<Socket>();
    let abused = 0;
    let on = true;
    const say = [
      Buffer.from([0xff, 0xfe, 0, 10]),
      '{"version":1,"comm',
      "x".repeat(1 << 20),
      requestLine("self-test"), // and never reads
      requestLine("self-test").repeat(1000),
    ];
    const abuse = () => {
      if (!on) return;
      const client = connect(path, () => client.write(say[abused++ % say.length]!));
      clients.add(client.on("error", () => {}));
      client.once("close", () => {
        clients.delete(client);
        setImmediate(abuse);
      });
      if (abused % say.length !== 4) client.resume();
      setTimeout(() => client.destroy(), 500).unref();
    };
    for (let i = 0; i < 200; i++) abuse();
    const knockers = Array.from({ length: 40 }, (_, i) => `10.77.0.${100 + i}`);
    await knock(...knockers);
    assert.equal((await selfTest(daemon)).status, 0);
    await daemon.waitFor(() => daemon.commands().length === knockers.length, 20_000);
    assert.ok(abused > 200, `${abused} clients`);
    on = false;
    for (const client of clients) client.destroy();
    assert.deepEqual(daemon.commands().sort(), knockers.map((ip) => `open ${ip}`).sort());
    assert.equal((await selfTest(daemon)).status, 0);
    assert.equal(daemon.stderr, "");
  });

  for (const major of [18, 24]) {
    it(`a flood of connections costs no knock on Node ${major}`, { timeout: scaled(60_000) }, async () => {
      const node = join(repo, `build/nodes/node_modules/n${major}/bin/node`);
      const daemon = await start(["-i", "eth0"], { by: ["sh", "-c", `shift; exec ${node} "$@"`, "sh"] });
      const path = socketPath(daemon.configPath, ["eth0"]);
      const storms = [1, 2].map(() => wire.spawn("server", ["python3", "-c", STORM, path]));
      await Promise.all(storms.map((storm) => new Promise((resolve) => storm.stdout!.once("data", resolve))));
      const knockers = Array.from({ length: 20 }, (_, i) => `10.77.0.${100 + i}`);
      await knock(...knockers);
      await daemon.waitFor(() => daemon.commands().length === knockers.length, 20_000);
      for (const storm of storms) {
        assert.equal(storm.exitCode, null, "all while the storm went on");
        storm.kill("SIGKILL");
      }
      while ((await selfTest(daemon)).status !== 0) assert.equal(daemon.ended, undefined); // its pause may not be over
      assert.equal(daemon.stderr, "");
    });
  }
});
