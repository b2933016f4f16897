// Tests the daemon as a foreground process, compared with Debian's: options, statuses, signals, and its cost while
// idle.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../frame.ts";
import { bound } from "../time-limit.ts";
import { Daemon, type Which } from "./daemon.ts";
import { needsRoot, type Result, repo, Wire } from "./wire.ts";

const BOTH = ["judge", "ours"] as const;

describe("knockd in the foreground", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;

  before(async () => {
    wire = await Wire.open();
    mkdirSync(join(wire.dir, "etc"));
    writeFileSync(join(wire.dir, "etc/good.conf"), "[door]\nsequence = 7000\n");
    writeFileSync(join(wire.dir, "etc/bad.conf"), "[door]\nsequence = 7000\n\nnonsense\n");
  });
  after(() => wire?.close());

  const knock = (port: number) => {
    const segment = { from: wire.client, to: wire.server, protocol: "tcp", port, seq: ++sequence } as const;
    return wire.send([{ at: 0, frame: frame(segment) }]);
  };

  function run(which: Which, args: readonly string[]): Promise<Result> {
    const program =
      which === "ours"
        ? [process.execPath, join(repo, "dist/src/knockd.js")]
        : [join(repo, "build/judge/usr/sbin/knockd")];
    return wire.run("server", [...program, ...args.map((arg) => arg.replace("@etc@", join(wire.dir, "etc")))]);
  }

  for (const args of [["-h"], ["-vDh"], ["--verbose", "-Dl4", "--interface=x", "-i", "y", "--config", "z", "--help"]]) {
    it(`answers ${args.join(" ")} as 0.8 does`, async () => {
      const [judge, ours] = await Promise.all(BOTH.map((which) => run(which, args)));
      const more =
        /^ +--wait +wait for an interface that does not exist yet\n(?: +--[a-z-]+ +.*\n)+\nexample: .*\n\nexit status: .*\n/m;
      assert.match(ours!.stdout, more); // what 0.8 does not have
      assert.deepEqual({ ...ours, stdout: ours!.stdout.replace(more, "") }, judge);
      assert.match(ours!.stdout, /^usage: knockd \[options\]\n/);
    });
  }

  it("prints its version on standard output, in a line that begins like 0.8's", async () => {
    const { version } = JSON.parse(readFileSync(join(repo, "package.json"), "utf8"));
    for (const option of ["-V", "--version"]) {
      const [judge, ours] = await Promise.all(BOTH.map((which) => run(which, [option])));
      assert.match(judge!.stdout, /^knockd 0\.8\n/);
      assert.deepEqual(ours, { ...judge, stdout: `knockd ${version} (knockd-ng)\n` });
    }
  });

  const misused: [args: string[], stderr: string][] = [
    [["--bogus"], "knockd: unrecognized option '--bogus'\n"],
    [["-x"], "knockd: unrecognized option '-x'\n"],
    [["-v", "-c"], "knockd: option '-c, --config <file>' argument missing\n"],
  ];
  for (const [args, stderr] of misused) {
    it(`refuses ${args.join(" ")} with status 1; 0.8 prints its usage and exits with 0`, async () => {
      const [judge, ours] = await Promise.all(BOTH.map((which) => run(which, args)));
      assert.deepEqual([judge!.status, judge!.stdout.slice(0, 6)], [0, "usage:"]);
      assert.deepEqual(ours, { status: 1, signal: null, stdout: "", stderr });
    });
  }

  const refused: [why: string, args: string[], stderr: RegExp][] = [
    [
      "a config that is not there",
      ["-c", "/nonexistent/knockd.conf"],
      /^\/nonexistent\/knockd\.conf: No such file or directory\n$/,
    ],
    [
      "an interface that is not there",
      ["-i", "nope", "-c", "@etc@/good.conf"],
      /^could not open nope: nope: No such device exists/,
    ],
    ["a config that is wrong", ["-i", "eth0", "-c", "@etc@/bad.conf"], /^config: line 4: syntax error/],
  ];
  for (const [why, args, stderr] of refused) {
    it(`does not start with ${why}: reported on standard error, status 1, as 0.8`, async () => {
      const [judge, ours] = await Promise.all(BOTH.map((which) => run(which, args)));
      assert.deepEqual([ours!.status, ours!.stdout, judge!.status], [1, "", 1]); // 0.8 adds its usage there
      for (const result of [judge, ours]) assert.match(result!.stderr, stderr);
      if (!args.includes("@etc@/bad.conf")) assert.equal(ours!.stderr, judge!.stderr);
    });
  }

  it("with --check reports what is wrong with a config, with status 1, and does not listen", async () => {
    const bad = await run("ours", ["--check", "-i", "eth0", "-c", "@etc@/bad.conf"]);
    assert.deepEqual([bad.status, bad.stdout], [1, ""]);
    assert.match(bad.stderr, /^config: line 4: syntax error/);
    const good = await run("ours", ["--check", "-d", "-i", "nope", "-c", "@etc@/good.conf"]);
    assert.deepEqual(good, { status: 0, signal: null, stdout: "", stderr: "" });
  });

  for (const [signal, status] of [
    ["SIGTERM", 15],
    ["SIGINT", 2],
  ] as const) {
    it(`exits with status ${status} on ${signal}, and says so, as 0.8`, async () => {
      for (const which of BOTH) {
        const daemon = await Daemon.start(wire, which, "[door]\nsequence = 7000\n");
        assert.equal(readFileSync(`/proc/${daemon.pid}/comm`, "utf8"), "knockd\n", "killall finds it");
        daemon.signal(signal);
        assert.deepEqual(await daemon.exited, { status, signal: null });
        await daemon.stop();
        assert.equal(daemon.stdout, "listening on eth0...\nwaiting for child processes...\nclosing...\n");
        assert.equal(daemon.stderr, "");
      }
    });

    it(`also does so on ${signal} with a door open, which it closes immediately; 0.8 keeps sleeping, with the door open`, async () => {
      const config =
        "[door]\nsequence = 7000\nstart_command = echo start >>$KNOCK_LOG\nstop_command = echo stop >>$KNOCK_LOG\ncmd_timeout = 300\n";
      const [judge, ours] = await Promise.all(BOTH.map((which) => Daemon.start(wire, which, config)));
      await knock(7000);
      for (const daemon of [judge!, ours!]) {
        await daemon.waitFor(() => daemon.commands().length > 0);
        daemon.signal(signal);
        await daemon.waitFor("waiting for child processes...\n");
      }
      assert.deepEqual(await ours!.exited, { status, signal: null });
      assert.deepEqual(ours!.commands(), ["start", "stop"]);
      await sleep(500);
      assert.deepEqual([judge!.ended, judge!.commands()], [undefined, ["start"]]);
      await Promise.all([judge!.stop("SIGKILL"), ours!.stop()]);
      assert.match(ours!.stdout, /\nwaiting for child processes\.\.\.\ndoor: running command: .*\nclosing\.\.\.\n$/);
    });
  }

  it("waits at most five seconds for a command that does not end, says so, and exits", async () => {
    const config = "[door]\nsequence = 7000\nstart_command = echo start >>$KNOCK_LOG; sleep 60\n";
    const daemon = await Daemon.start(wire, "ours", config);
    await knock(7000);
    await daemon.waitFor(() => daemon.commands().length > 0);
    const begun = Date.now();
    daemon.signal("SIGTERM");
    assert.deepEqual(await daemon.exited, { status: 15, signal: null });
    const seconds = (Date.now() - begun) / 1000;
    assert.ok(seconds > 4 && seconds < bound(8000) / 1000, `${seconds} s`);
    await daemon.stop();
    assert.equal(daemon.stderr, "a command has not ended after 5 seconds: knockd exits without it\n");
    assert.match(daemon.stdout, /\nclosing\.\.\.\n$/);
  });

  it("exits immediately at a second signal", async () => {
    const daemon = await Daemon.start(
      wire,
      "ours",
      "[door]\nsequence = 7000\nstart_command = echo start >>$KNOCK_LOG; sleep 60\n",
    );
    await knock(7000);
    await daemon.waitFor(() => daemon.commands().length > 0);
    daemon.signal("SIGTERM");
    await daemon.waitFor("waiting for child processes...");
    daemon.signal("SIGINT");
    assert.deepEqual(await daemon.exited, { status: 2, signal: null });
    await daemon.stop();
    assert.doesNotMatch(daemon.stdout, /closing/);
  });

  it("continues if its standard output and error are no longer read", async () => {
    const config = "[door]\nsequence = 7000\ncommand = echo run >>$KNOCK_LOG; exit 3\n";
    const daemon = await Daemon.start(wire, "ours", config);
    daemon.child.stdout!.destroy();
    daemon.child.stderr!.destroy();
    for (let times = 1; times <= 3; times++) {
      await knock(7000);
      await daemon.waitFor(() => daemon.commands().length === times);
    }
    assert.deepEqual(await daemon.stop(), { status: 15, signal: null });
  });

  it("does not open Node's debugger at SIGUSR1", async () => {
    const daemon = await Daemon.start(wire, "ours", "[door]\nsequence = 7000\ncommand = echo run >>$KNOCK_LOG\n");
    daemon.signal("SIGUSR1");
    await knock(7000);
    await daemon.waitFor(() => daemon.commands().length === 1);
    const sockets = (await wire.run("server", ["cat", "/proc/net/tcp"])).stdout.split("\n").slice(1, -1);
    assert.deepEqual(sockets, []);
    await daemon.stop();
    assert.equal(daemon.stderr, "");
  });

  it("does not wake up while no packet arrives, even with an attempt that may take years; nor does 0.8", async () => {
    const config = "[door]\nsequence = 7000,8000\nseq_timeout = 999999999\n[other]\nsequence = 7001\ncommand = true\n";
    const daemons = await Promise.all(BOTH.map((which) => Daemon.start(wire, which, config)));
    await knock(7001); // first, because 0.8 ignores it during an attempt
    await knock(7000);
    for (const daemon of daemons) await daemon.waitFor("door: Stage 1");
    // The warm-up, and V8's garbage collection after it and after a command, happen once. A timer would show in every
    // window.
    const windows: number[][] = [];
    const isQuiet = () => windows.length > 0 && windows.at(-1)![0] === 0 && windows.at(-1)![1]! <= 2;
    while (windows.length < 6 && !isQuiet()) {
      const before = daemons.map(({ pid }) => wakeUps(pid));
      await sleep(3000);
      windows.push(daemons.map(({ pid }, i) => wakeUps(pid) - before[i]!));
    }
    assert.ok(isQuiet(), `0.8 and ours, woken up in three seconds each: ${windows.join("; ")}`);
    await Promise.all(daemons.map((daemon) => daemon.stop()));
  });
});

/** How often any thread of a process has gone to sleep. */
function wakeUps(pid: number): number {
  const statuses = readdirSync(`/proc/${pid}/task`).map((task) =>
    readFileSync(`/proc/${pid}/task/${task}/status`, "utf8"),
  );
  return statuses.reduce((sum, status) => sum + Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)![1]), 0);
}
