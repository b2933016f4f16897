// Tests every way in which the logs can fail: doors still open, and lost lines are reported when the log is back.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { until } from "../time-limit.ts";
import { Daemon } from "./daemon.ts";
import { filling } from "./mount-namespace.ts";
import { needsRoot, Wire } from "./wire.ts";

const ARGS = ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v"];
const CONFIG = "[options]\nUseSyslog\n[door]\nsequence = 7000\ncommand = echo open >>$KNOCK_LOG\n";
const OPENING = ["10.77.0.2: door: Stage 1", "10.77.0.2: door: OPEN SESAME"];
const RUNNING = "door: running command: echo open >>$KNOCK_LOG";

// Binds a log socket (first argument: datagram or stream; second: its path), and says so. It reads nothing until a line
// arrives on standard input, and then prints what arrives.
const READER = `
import socket, sys
kind, path = sys.argv[1:]
inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if kind == 'datagram' else socket.SOCK_STREAM)
inbox.bind(path)
if kind == 'stream': inbox.listen(5)
print('bound', flush=True)
sys.stdin.readline()
if kind == 'stream': inbox = inbox.accept()[0]
while True:
    text = inbox.recv(65536)
    if not text: break
    sys.stdout.write(text.decode().replace('\\0', '\\n') if kind == 'stream' else text.decode() + '\\n')
    sys.stdout.flush()
`;

interface Reader {
  readonly process: ChildProcess;
  /** What arrived, without the timestamps. */
  lines(): string[];
  read(): void;
}

describe("knockd whose log fails", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;

  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());

  /** Knocks, and waits until the door has opened once more. */
  async function opens(daemon: Daemon): Promise<void> {
    const before = daemon.commands().length;
    const { client: from, server: to } = wire;
    await wire.send([{ at: 0, frame: frame({ from, to, protocol: "tcp", port: 7000, seq: ++sequence }) }]);
    await daemon.waitFor(() => daemon.commands().length === before + 1);
  }

  /** A daemon whose /dev/log is `@dir@/log`, where no process listens yet. */
  async function start(): Promise<Daemon> {
    const daemon = await Daemon.start(wire, "ours", CONFIG, ARGS, { syslog: true });
    await daemon.waitFor(() => daemon.syslog().length > 0);
    daemon.endListener();
    rmSync(join(daemon.dir, "log"));
    return daemon;
  }

  async function reader(daemon: Daemon, kind = "datagram"): Promise<Reader> {
    const child = wire.spawn("server", ["python3", "-c", READER, kind, join(daemon.dir, "log")], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let text = "";
    child.stdout!.setEncoding("utf8").on("data", (more) => (text += more));
    await until(() => text !== "", 10_000, 10);
    const lines = () =>
      text
        .split("\n")
        .slice(1, -1)
        .map((line) => line.replace(/^<29>\w{3} [ \d]\d \d\d:\d\d:\d\d knockd: /, ""));
    return { process: child, lines, read: () => child.stdin!.write("\n") };
  }

  /** A logger with a stream socket may have ended by itself when the daemon did. */
  async function end({ process: child }: Reader): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  for (const kind of ["datagram", "stream"]) {
    it(`opens doors while /dev/log is absent; a ${kind} socket that appears later gets every line`, async () => {
      const daemon = await start();
      await opens(daemon);
      await opens(daemon);
      const log = await reader(daemon, kind);
      log.read();
      const expected = [...OPENING, RUNNING, ...OPENING, RUNNING];
      await daemon.waitFor(() => log.lines().length >= expected.length);
      assert.deepEqual(log.lines(), expected);
      await daemon.stop();
      await end(log);
    });

    it(`opens doors while the reader of a ${kind} socket is stopped, and it gets every line when it continues`, async () => {
      const daemon = await start();
      const log = await reader(daemon, kind);
      // More than the socket holds (net.unix.max_dgram_qlen is 10 to 512): 0.8 would block here.
      const { client: from, server: to } = wire;
      const other = (port: number) => frame({ from, to, protocol: "tcp", port, seq: ++sequence });
      const knocks = Array.from({ length: 300 }, (_, i) => ({ at: i / 300, frame: other(7000) }));
      await wire.send(knocks);
      await daemon.waitFor(() => daemon.commands().length === 300, 20_000);
      await opens(daemon);
      log.read();
      await daemon.waitFor(() => log.lines().length === 903, 20_000);
      assert.deepEqual(log.lines().slice().sort(), daemon.lines().slice().sort());
      await daemon.stop();
      await end(log);
    });

    it(`loses no line if a syslogd with a ${kind} socket is restarted`, async () => {
      const daemon = await start();
      const first = await reader(daemon, kind);
      first.read();
      await opens(daemon);
      await daemon.waitFor(() => first.lines().length === 3);
      await end(first);
      await opens(daemon); // the socket exists, but no process reads from it
      rmSync(join(daemon.dir, "log"));
      const second = await reader(daemon, kind);
      second.read();
      await opens(daemon);
      await daemon.waitFor(() => second.lines().length === 6);
      assert.deepEqual(second.lines(), [...OPENING, RUNNING, ...OPENING, RUNNING]);
      await daemon.stop();
      await end(second);
    });
  }

  it("ends on time if nothing reads its log", async () => {
    const daemon = await start();
    await opens(daemon);
    daemon.signal("SIGTERM");
    assert.deepEqual(await daemon.exited, { status: 15, signal: null });
    await daemon.stop();
  });

  const FILE =
    "[options]\nLogFile = @dir@/logs/events\nUseSyslog\n[door]\nsequence = 7000\ncommand = echo open >>$KNOCK_LOG\n";

  it("continues if the log's directory is missing at SIGHUP: reported once, also in syslog; written when it is back", async () => {
    const daemon = await Daemon.start(wire, "ours", FILE, ARGS, { syslog: true });
    const logs = join(daemon.dir, "logs");
    const why = `warning: cannot open logfile ${logs}/events: No such file or directory`;
    const reread = async () => {
      const told = () => daemon.stdout.split("re-reading config file").length;
      const before = told();
      daemon.signal("SIGHUP");
      await daemon.waitFor(() => told() > before);
      await opens(daemon);
    };
    await opens(daemon);
    assert.equal(daemon.stderr, `${why}\n`);
    mkdirSync(logs);
    await reread();
    await daemon.waitFor(() => existsSync(join(logs, "events")));
    rmSync(logs, { recursive: true });
    await opens(daemon); // into a file without a name, as 0.8
    await reread();
    await opens(daemon);
    assert.equal(daemon.stderr, `${why}\n${why}\n`);
    assert.equal(daemon.syslog().filter((line) => line.endsWith(why)).length, 2);
    mkdirSync(logs);
    await reread();
    const text = () => readFileSync(join(logs, "events"), "utf8");
    await daemon.waitFor(() => text().includes(`${RUNNING}\n`));
    await daemon.stop();
  });

  it("continues if the log's disk is full: reported once, also in syslog; written again when there is room", async () => {
    const dir = join(wire.dir, "full");
    mkdirSync(dir);
    const config = FILE.replace("@dir@/logs", dir);
    // Only this daemon and its commands see the disk. One command fills it, another makes room.
    const doors = `[fill]\nsequence = 7001\ncommand = ${filling(dir, "private-disk")}; echo full >>$KNOCK_LOG\n[clear]\nsequence = 7002\ncommand = rm ${dir}/filler; echo clear >>$KNOCK_LOG\n[show]\nsequence = 7003\ncommand = echo show >>$KNOCK_LOG\n`;
    const daemon = await Daemon.start(wire, "ours", config + doors, ARGS, { syslog: true, disk: dir });
    const knock = async (port: number, word: string) => {
      const { client: from, server: to } = wire;
      await wire.send([{ at: 0, frame: frame({ from, to, protocol: "tcp", port, seq: ++sequence }) }]);
      await daemon.waitFor(() => daemon.commands().at(-1) === word);
    };
    const why = `warning: cannot write logfile ${dir}/events: No space left on device`;
    await knock(7001, "full");
    for (let i = 0; i < 200 && !daemon.stderr.includes(why); i++) await opens(daemon); // the last page still has room
    for (let i = 0; i < 3; i++) await opens(daemon);
    assert.equal(daemon.stderr.split(`${why}\n`).length, 2);
    assert.equal(daemon.syslog().filter((line) => line.endsWith(why)).length, 1);
    await knock(7002, "clear");
    await opens(daemon);
    await knock(7003, "show");
    const log = () => readFileSync(`/proc/${daemon.pid}/root${dir}/events`, "utf8");
    await daemon.waitFor(() => /door: OPEN SESAME\n.*] door: running command.*\n.*: show: Stage 1\n/.test(log()));
    await daemon.stop();
  });
});
