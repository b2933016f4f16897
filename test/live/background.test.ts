// Tests -d: the first process, the daemon that it leaves behind, and the pid file. Compared with Debian's where both
// can be.

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { until as isInTime } from "../time-limit.ts";
import type { Which } from "./daemon.ts";
import { needsRoot, type Result, repo, Wire } from "./wire.ts";

const BOTH = ["judge", "ours"] as const;
const CONFIG = "[door]\nsequence = 7000\ncommand = echo run >>$KNOCK_LOG\n";

describe("knockd in the background", { skip: needsRoot }, () => {
  let wire: Wire;
  let dir: string;
  let sequence = 0;

  before(async () => {
    wire = await Wire.open();
  });
  beforeEach(() => {
    dir = fs.mkdtempSync(join(wire.dir, "daemon-"));
  });
  after(() => wire?.close());

  const at = (name: string) => join(dir, name);
  const text = (name: string) => fs.readFileSync(at(name), "utf8");
  const exists = (name: string) => fs.existsSync(at(name));
  const lines = (name: string) => (exists(name) ? text(name).split("\n").slice(0, -1) : []);
  const pid = () => {
    const it = Number(text("pid"));
    assert.ok(it > 1, "never a signal to all");
    return it;
  };

  /** Runs it in dir, as a user at a terminal there would. */
  function command(which: Which, args: readonly string[]): string[] {
    const program =
      which === "ours"
        ? [process.execPath, join(repo, "dist/src/knockd.js")]
        : [join(repo, "build/judge/usr/sbin/knockd")];
    const where = args.includes("-i") ? [] : ["-i", "eth0"]; // ours would listen at both
    return ["sh", "-c", 'cd "$0" && exec "$@"', dir, ...program, "-d", ...where, ...args];
  }

  const ARGS = ["-c", "conf", "-p"];
  function start(which: Which, config: string, args?: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Result> {
    fs.writeFileSync(at("conf"), config.replaceAll("@dir@", dir));
    const given = (args ?? [...ARGS, "@dir@/pid"]).map((arg) => arg.replaceAll("@dir@", dir));
    return wire.run("server", command(which, given), { env: { KNOCK_LOG: at("commands"), ...env } });
  }

  const knock = () => {
    const segment = { from: wire.client, to: wire.server, protocol: "tcp", port: 7000, seq: ++sequence } as const;
    return wire.send([{ at: 0, frame: frame(segment) }]);
  };

  async function until(what: string, isTrue: () => boolean, ms = 5000): Promise<void> {
    assert.ok(await isInTime(isTrue, ms), `not within ${ms} ms and more: ${what}`);
  }

  async function stop(pid: number, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    process.kill(pid, signal);
    // If the signal comes between its pid file and its loop, 0.8 sleeps until the next packet.
    const again = isJudge(pid) ? setInterval(() => isAlive(pid) && process.kill(pid, signal), 500) : undefined;
    await until("the daemon ends", () => !isAlive(pid)).finally(() => clearInterval(again));
  }

  const OK = { status: 0, signal: null, stdout: "", stderr: "" };

  /** The second process, which becomes the daemon, waits at its start until the file `go` exists. */
  const STALL = `if (process.env.KNOCKD_READY) {
    const fs = require("node:fs");
    fs.writeFileSync(process.env.STALL_DIR + "/stalled", "");
    const ticks = new Int32Array(new SharedArrayBuffer(4));
    for (let i = 0; i < 6000 && !fs.existsSync(process.env.STALL_DIR + "/go"); i++) Atomics.wait(ticks, 0, 0, 20);
  }`;
  async function startStalled(): Promise<{ first: ChildProcess; ended: Promise<unknown> }> {
    fs.writeFileSync(at("stall.cjs"), STALL);
    fs.writeFileSync(at("conf"), `[options]\nLogFile = ${at("log")}\n${CONFIG}`);
    const first = wire.spawn("server", command("ours", ["-c", "conf", "-p", "pid"]), {
      env: { KNOCK_LOG: at("commands"), NODE_OPTIONS: `--require=${at("stall.cjs")}`, STALL_DIR: dir },
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => first.once("exit", resolve));
    await until("the daemon begins", () => exists("stalled"));
    return { first, ended };
  }

  it("returns when the daemon listens, not before: then its pid file exists, and the first knock counts", async () => {
    const { first, ended } = await startStalled();
    assert.deepEqual([first.exitCode, exists("pid")], [null, false]);
    fs.writeFileSync(at("go"), "");
    assert.equal(await ended, 0);
    assert.match(text("pid"), /^\d+\n$/);
    await knock();
    await until("the command", () => lines("commands").length > 0);
    await stop(pid());
    assert.equal(exists("pid"), false);
  });

  it("ends if the first process was ended before the daemon listened", async () => {
    const { first, ended } = await startStalled();
    first.kill("SIGTERM");
    await ended;
    fs.writeFileSync(at("go"), "");
    await until("the daemon ends", () => exists("log") && text("log").includes("] shutting down"));
    await until("its pid file goes", () => !exists("pid"));
  });

  it("is detached from its terminal, as 0.8: /dev/null, /, a new session, its name; -v prints nothing", async () => {
    const seen = [];
    for (const which of BOTH) {
      assert.deepEqual(await start(which, CONFIG, [...ARGS, "@dir@/pid", "-v"]), OK);
      await until("the pid file", () => lines("pid").length > 0); // 0.8 writes it a little later
      const its = `/proc/${pid()}`;
      const [, session, terminal] = fs.readFileSync(`${its}/stat`, "utf8").split(") ")[1]!.split(" ").slice(2, 5);
      seen.push({
        streams: [0, 1, 2].map((fd) => fs.readlinkSync(`${its}/fd/${fd}`)),
        cwd: fs.readlinkSync(`${its}/cwd`),
        leader: session === `${pid()}`,
        terminal,
        comm: fs.readFileSync(`${its}/comm`, "utf8"),
        umask: /^Umask:.*$/m.exec(fs.readFileSync(`${its}/status`, "utf8"))?.[0],
      });
      await stop(pid());
      assert.equal(exists("pid"), false);
    }
    const [judge, ours] = seen;
    assert.deepEqual(ours, judge);
    assert.deepEqual(ours, {
      streams: ["/dev/null", "/dev/null", "/dev/null"],
      cwd: "/",
      leader: true,
      terminal: "0",
      comm: "knockd\n",
      umask: ours!.umask,
    });
  });

  const refused: [why: string, config: string, args: string[], stderr: RegExp][] = [
    ["a config that is wrong", "[door]\nnonsense\n", [], /^config: line 2: syntax error/],
    ["a config that is not there", CONFIG, ["-c", "nowhere"], /nowhere: No such file or directory\n$/],
    ["an interface that is not there", CONFIG, ["-i", "nope"], /^could not open nope: nope: No such device exists/],
  ];
  for (const [why, config, args, stderr] of refused) {
    it(`does not start with ${why}: reported on the terminal, status 1, no pid file, as 0.8`, async () => {
      for (const which of BOTH) {
        const result = await start(which, config, [...ARGS, "@dir@/pid", ...args]);
        assert.equal(result.status, 1);
        assert.match(result.stderr, stderr);
        assert.equal(exists("pid"), false);
      }
    });
  }

  it("does not start beside another with its pid file, and says how to serve two interfaces, which works", async () => {
    assert.deepEqual(await start("ours", CONFIG, [...ARGS, "@dir@/pid", "-i", "eth0"]), OK);
    const first = pid();
    const why = `knockd is already running with the pid file ${at("pid")} (pid ${first})\n`;
    const advice =
      "One knockd listens on several interfaces: knockd -i eth0,wlan0. A second knockd needs its own PidFile in its config, or else -p.\n";
    assert.deepEqual(await start("ours", CONFIG, [...ARGS, "@dir@/pid", "-i", "lo"]), {
      ...OK,
      status: 1,
      stderr: why + advice,
    });
    assert.deepEqual(await start("ours", CONFIG, [...ARGS, "@dir@/pid2", "-i", "lo"]), OK);
    await stop(Number(text("pid2")));
    await stop(first);
    assert.deepEqual(await start("ours", CONFIG, [...ARGS, "@dir@/pid", "-i", "eth0,lo"]), OK);
    await stop(pid());
    const config = `[options]\nStateFile = @dir@/state\n${CONFIG}`;
    await start("ours", config, [...ARGS, "@dir@/pid", "-i", "eth0"]);
    const { stderr } = await start("ours", config, [...ARGS, "@dir@/pid2", "-i", "lo"]);
    assert.match(stderr, /^knockd is already running with the ledger .*\n.* -i eth0,wlan0\. .* StateFile of its own/);
    await stop(pid());
  });

  it("lets the config's PidFile and LogFile override -p and -g, as 0.8", async () => {
    const config = `[options]\nPidFile = @dir@/pid\nLogFile = @dir@/log\n${CONFIG}`;
    for (const which of BOTH) {
      await start(which, config, [...ARGS, "@dir@/pid2", "-g", "@dir@/log2"]);
      await until("the pid file", () => lines("pid").length > 0);
      await stop(pid());
      assert.match(text("log"), /\] shutting down\n/);
      assert.deepEqual([exists("pid2"), exists("log2")], [false, false]);
      fs.rmSync(at("log"));
    }
  });

  it("resolves paths relative to where it was started, even its config at SIGHUP, where 0.8 ends, and its pid file", async () => {
    for (const which of BOTH) {
      // 0.8 looks for a relative PidFile in /, where the daemon is.
      const pidFile = which === "ours" ? "pid" : at("pid");
      await start(which, `[options]\nPidFile = ${pidFile}\n${CONFIG}`, ["-c", "conf", "-g", "log"]);
      await until("the pid file", () => lines("pid").length > 0);
      const daemon = pid();
      fs.writeFileSync(at("conf"), CONFIG.replace("echo run", "echo new"));
      process.kill(daemon, "SIGHUP");
      if (which === "judge") {
        await until("0.8 ends", () => !isAlive(daemon));
        continue;
      }
      const read = `re-reading config file: ${at("conf")}\n`; // 0.8 prints the path as it was given
      await until("the config is read", () => text("log").includes(read));
      await knock();
      await until("the command", () => lines("commands").length > 0);
      assert.deepEqual(lines("commands"), ["new"]);
      await stop(daemon);
      assert.equal(exists("pid"), false);
    }
  });

  it("continues without a pid file that cannot be written, reported with 0.8's message, and on the terminal", async () => {
    for (const which of BOTH) {
      const { status, stderr } = await start(which, CONFIG, [...ARGS, "@dir@/nowhere/pid", "-g", "@dir@/log"]);
      const why = `could not create pid file ${dir}/nowhere/pid: No such file or directory`;
      await until("that is told", () => lines("log").some((line) => line.endsWith(`] ${why}`)));
      assert.deepEqual([status, stderr], [0, which === "ours" ? `${why}\n` : ""]);
      await knock();
      await until("the command", () => lines("commands").length > 0);
      fs.rmSync(at("commands"));
      const { stdout } = await wire.run("server", ["ip", "netns", "pids", wire.namespaces.server]);
      for (const daemon of stdout.split("\n").map(Number).filter(Boolean).filter(isAlive)) await stop(daemon);
      fs.rmSync(at("log"));
    }
  });

  it("passes no internal variable on to commands, and accepts none from its environment", async () => {
    const env = { KNOCKD_READY: "1" };
    const config = "[door]\nsequence = 7000\ncommand = env | grep -c ^KNOCKD >>$KNOCK_LOG\n";
    fs.writeFileSync(at("conf"), config);
    const foreground = command("ours", ["-c", "conf", "-v"]).filter((arg) => arg !== "-d");
    const child = wire.spawn("server", foreground, { env: { ...env, KNOCK_LOG: at("commands") } });
    let out = "";
    child.stdout!.setEncoding("utf8").on("data", (more) => (out += more));
    await until("it listens", () => out.includes("listening on eth0..."));
    await knock();
    await until("the command", () => lines("commands").length > 0);
    child.kill("SIGTERM");
    await new Promise((resolve) => child.once("exit", resolve));

    assert.deepEqual(await start("ours", config), OK);
    await knock();
    await until("the command", () => lines("commands").length > 1);
    assert.deepEqual(lines("commands"), ["0", "0"]);
    await stop(pid());
  });

  it("ends at a bug with its stack trace in the log, and without its pid file", async () => {
    fs.writeFileSync(at("bug.cjs"), 'process.on("SIGUSR2", () => setTimeout(function buggy() { null.x; }));');
    const args = [...ARGS, "@dir@/pid", "-g", "@dir@/log"];
    assert.deepEqual(await start("ours", CONFIG, args, { NODE_OPTIONS: `--require=${at("bug.cjs")}` }), OK);
    await stop(pid(), "SIGUSR2");
    assert.match(text("log"), /\] knockd stops because of a bug: TypeError: .*\n\s+at .*buggy .*bug\.cjs/);
    assert.equal(exists("pid"), false);
  });

  /** The writing end of a FIFO, as soon as a process reads from it. */
});

function isJudge(pid: number): boolean {
  try {
    return fs.readlinkSync(`/proc/${pid}/exe`).includes("build/judge/");
  } catch {
    return false; // it has ended
  }
}

function isAlive(pid: number): boolean {
  try {
    // The process that adopts orphans may take a while to reap them.
    return !/\) Z /.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
