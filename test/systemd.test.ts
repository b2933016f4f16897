import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { native } from "../src/platform/native.ts";
import { Systemd } from "../src/platform/systemd.ts";
import { frame } from "./frame.ts";
import { Daemon } from "./live/daemon.ts";
import { needsRoot, Wire } from "./live/wire.ts";
import { until as isInTime } from "./time-limit.ts";

// Prints what arrives at the socket (its path, or @ and its abstract name), one line of JSON each.
const LISTENER = `
import json, socket, sys
inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
inbox.bind(sys.argv[1].replace('@', '\\0', 1) if sys.argv[1][0] == '@' else sys.argv[1])
print(json.dumps('bound'), flush=True)
while True: print(json.dumps(inbox.recv(65536).decode()), flush=True)
`;

class Listener {
  readonly socket: string;
  readonly #child: ChildProcess;
  #text = "";

  constructor(socket: string) {
    this.socket = socket;
    this.#child = spawn("python3", ["-c", LISTENER, socket], { stdio: ["ignore", "pipe", "inherit"] });
    this.#child.stdout!.setEncoding("utf8").on("data", (text) => (this.#text += text));
  }

  static async at(socket: string): Promise<Listener> {
    const resolvedDoor = new Listener(socket);
    await until(() => resolvedDoor.#text !== "");
    return resolvedDoor;
  }

  told(): string[] {
    const lines = this.#text.split("\n").slice(1, -1);
    return lines.map((line) => JSON.parse(line));
  }

  end(): Promise<unknown> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    return ended;
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  assert.ok(await isInTime(isTrue, 10_000, 10));
}

describe("notifications for systemd", () => {
  let dir: string;
  let resolvedDoor: Listener | undefined;

  before(() => {
    dir = mkdtempSync(join(tmpdir(), "knockd-systemd-"));
  });
  after(() => rmSync(dir, { recursive: true }));
  afterEach(async () => {
    await resolvedDoor?.end();
    resolvedDoor = undefined;
  });

  for (const kind of ["a path", "an abstract name"]) {
    it(`arrive at ${kind}, each in one datagram`, async () => {
      resolvedDoor = await Listener.at(kind === "a path" ? join(dir, "notify") : `@knockd-test-${process.pid}`);
      const systemd = new Systemd({ NOTIFY_SOCKET: resolvedDoor.socket });
      const before = process.hrtime.bigint() / 1000n;
      systemd.status("waiting for wlan0");
      systemd.ready("listening on eth0 (192.168.1.5)\nREADY=0");
      systemd.reloading();
      systemd.stopping();
      await until(() => resolvedDoor!.told().length === 4);
      const [status, ready, reloading, stopping] = resolvedDoor.told();
      assert.equal(status, "STATUS=waiting for wlan0");
      assert.equal(ready, "READY=1\nSTATUS=listening on eth0 (192.168.1.5) READY=0");
      const micros = BigInt(/^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(reloading!)![1]!);
      assert.ok(before <= micros && micros <= process.hrtime.bigint() / 1000n);
      assert.equal(stopping, "STOPPING=1");
    });
  }

  it("are not sent without systemd, and its variables are removed from the environment", () => {
    const env = {
      NOTIFY_SOCKET: "/run/notify",
      WATCHDOG_USEC: "1000000",
      WATCHDOG_PID: `${process.pid}`,
      PATH: "/bin",
    };
    const sent: string[] = [];
    const send = (_: string, text: string) => sent.push(text) > 0;
    new Systemd(env, send);
    assert.deepEqual(env, { PATH: "/bin" });
    const nowhere = new Systemd(env, send);
    nowhere.ready("");
    nowhere.stopping();
    nowhere.watchdog(() => true);
    assert.deepEqual(sent, []);
    assert.equal(native.notify(join(dir, "nobody"), "READY=1"), false);
    assert.equal(native.notify("x".repeat(200), "READY=1"), false);
  });

  it("arrive late but in order if systemd is busy", async () => {
    const sent: string[] = [];
    let tries = 0;
    const systemd = new Systemd({ NOTIFY_SOCKET: "x" }, (_, text) => ++tries > 2 && sent.push(text) > 0);
    systemd.ready("one");
    systemd.status("two");
    await until(() => sent.length === 2);
    assert.deepEqual(sent, ["READY=1\nSTATUS=one", "STATUS=two"]);
  });

  it("include watchdog pings while the process lives, and none for another process's watchdog", async () => {
    const env = () => ({ NOTIFY_SOCKET: "x", WATCHDOG_USEC: "20000" });
    const beats: string[] = [];
    let alive = true;
    let asked = 0;
    const send = (_: string, text: string) => beats.push(text) > 0;
    new Systemd({ ...env(), WATCHDOG_PID: `${process.pid + 1}` }, send).watchdog(() => true);
    new Systemd(env(), send).watchdog(() => ++asked > 0 && alive);
    await until(() => beats.length >= 3);
    alive = false;
    const [before, askedBefore] = [beats.length, asked];
    await until(() => asked > askedBefore + 3);
    assert.equal(beats.length, before);
    assert.equal(asked - askedBefore + before, asked, "no other beat");
    assert.deepEqual(new Set(beats), new Set(["WATCHDOG=1"]));
  });
});

describe("knockd under systemd", { skip: needsRoot }, () => {
  let wire: Wire;

  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());

  it("reports readiness when it is listening, reloads, pings and stops; its commands cannot notify", async () => {
    const resolvedDoor = await Listener.at(join(wire.dir, "notify"));
    const env = { NOTIFY_SOCKET: resolvedDoor.socket, WATCHDOG_USEC: "100000" };
    const config = "[door]\nsequence = 7000\ncommand = env >$KNOCK_LOG.env; echo open >>$KNOCK_LOG\n";
    const args = ["-i", "eth0", "-c", "@dir@/knockd.conf"];
    const daemon = await Daemon.start(wire, "ours", config, args, { env, ready: "" });
    const beats = () => resolvedDoor.told().filter((text) => text === "WATCHDOG=1").length;
    const states = () => resolvedDoor.told().filter((text) => text !== "WATCHDOG=1");
    await until(() => states().length > 0);
    const { client: from, server: to } = wire;
    await wire.send([{ at: 0, frame: frame({ from, to, protocol: "tcp", port: 7000 }) }]);
    await daemon.waitFor(() => daemon.commands().length === 1); // from the first moment on
    const { stdout } = await wire.run("server", ["cat", join(daemon.dir, "commands.env")]);
    assert.doesNotMatch(stdout, /NOTIFY|WATCHDOG/);
    assert.match(stdout, /KNOCK_LOG=/);
    const before = beats();
    await until(() => beats() > before + 2);
    daemon.signal("SIGHUP");
    await until(() => states().length === 3);
    daemon.signal("SIGTERM");
    await until(() => states().length === 4);
    const [ready, reloading, again, stopping] = states();
    assert.match(ready!, /^READY=1\nSTATUS=listening on eth0 \(10\.77\.0\.1, fd77::1(, fe80::\S+)?\)$/);
    assert.match(reloading!, /^RELOADING=1\nMONOTONIC_USEC=\d+$/);
    assert.match(again!, /^READY=1\nSTATUS=listening on eth0 /);
    assert.equal(stopping, "STOPPING=1");
    await daemon.stop();
    await resolvedDoor.end();
  });

  it("does not warn about START_KNOCKD, which the package sets to 0: users would follow that advice", async () => {
    const resolvedDoor = await Listener.at(join(wire.dir, "notify-3"));
    const config = "[options]\nlogfile = @dir@/log\n[door]\nsequence = 7000\n";
    const args = ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v"];
    for (const value of ["0", "no", "1"]) {
      const env = { NOTIFY_SOCKET: resolvedDoor.socket, START_KNOCKD: value };
      const daemon = await Daemon.start(wire, "ours", config, args, { env });
      await daemon.stop();
      assert.doesNotMatch(`${readFileSync(join(daemon.dir, "log"))}${daemon.stdout}${daemon.stderr}`, /START_KNOCKD/);
    }
    await resolvedDoor.end();
  });

  it("does not report readiness if it cannot start", async () => {
    const resolvedDoor = await Listener.at(join(wire.dir, "notify-2"));
    const args = ["-i", "nope", "-c", "@dir@/knockd.conf"];
    const env = { NOTIFY_SOCKET: resolvedDoor.socket };
    const options = { env, ready: "could not open nope" };
    const daemon = await Daemon.start(wire, "ours", "[door]\nsequence = 7000\n", args, options);
    assert.equal((await daemon.exited).status, 1);
    assert.deepEqual(resolvedDoor.told(), []);
    await daemon.stop();
    await resolvedDoor.end();
  });
});
