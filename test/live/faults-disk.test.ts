// Tests a full or read-only disk: doors still open and close, one message says it, and afterwards everything is written
// again.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { parseLedger } from "../../src/doors/ledger-entry.ts";
import { frame } from "../frame.ts";
import type { Daemon, StartOptions } from "./daemon.ts";
import { type Disk, FAULTS, seenBy, startOnDisk } from "./failing-disk.ts";
import { needsRoot, Wire } from "./wire.ts";

const ARGS = ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v"];

type StartMore = StartOptions & { readonly args?: readonly string[] };

describe("knockd on a disk that fails", { skip: needsRoot }, () => {
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

  async function start(config: string, files: Record<string, string> = {}, more: StartMore = {}): Promise<Disk> {
    const { args = ARGS, ...options } = more;
    const disk = await startOnDisk(wire, config, files, { args, ...options });
    running.push(disk.daemon);
    return disk;
  }
  async function knock(...ports: number[]): Promise<void> {
    const { client: from, server: to } = wire;
    await wire.send(
      ports.map((port, i) => ({ at: i * 0.02, frame: frame({ from, to, protocol: "tcp", port, seq: ++sequence }) })),
    );
  }
  const said = (daemon: Daemon, text: string) => daemon.stderr.split(text).length - 1;
  const logged = (daemon: Daemon, text: string) => daemon.syslog().filter((line) => line.includes(text)).length;

  /** Once on standard error and once in the system's log. The line may come after the event. */
  async function isTold(daemon: Daemon, why: string): Promise<void> {
    await daemon.waitFor(() => said(daemon, why) > 0 && logged(daemon, why) > 0);
    assert.deepEqual([said(daemon, why), logged(daemon, why)], [1, 1]);
  }

  for (const { what, words, broken, begin, end } of FAULTS) {
    it(`opens and closes doors if the disk with the ledger is ${what}`, async () => {
      const disk = await start(`[options]\nUseSyslog\nStateFile = @disk@/ledger
[door]
sequence = 7000
start_command = echo open >>$KNOCK_LOG
cmd_timeout = 0
stop_command = echo close >>$KNOCK_LOG
[later]
sequence = 7001
start_command = echo open >>$KNOCK_LOG
cmd_timeout = 600
stop_command = echo close >>$KNOCK_LOG
`);
      const { daemon, path } = disk;
      const opensAndCloses = async () => {
        const before = daemon.commands().length;
        await knock(7000);
        await daemon.waitFor(() => daemon.commands().length === before + 2);
        assert.deepEqual(daemon.commands().slice(before), ["open", "close"]);
      };
      await opensAndCloses();
      await daemon.waitFor(() => `${readdirSync(path)}` === "ledger.lock"); // removed later, to make room
      await begin(disk);
      for (let i = 0; i < 3; i++) await opensAndCloses();
      const why = `cannot write ${disk.name}/ledger: ${words}: doors still work, but a crash would leave them open`;
      await isTold(daemon, why);
      await end(disk);
      await knock(7001);
      await daemon.waitFor(() => daemon.commands().length === 9);
      assert.equal(parseLedger(readFileSync(join(path, "ledger"))).length, 1);
      await begin(disk);
      daemon.signal("SIGTERM");
      assert.deepEqual(await daemon.exited, { status: 15, signal: null });
      assert.deepEqual(daemon.commands().at(-1), "close");
    });

    it(`lets a client in if the disk with its one-time sequence is ${what}, and disables the door until that is repaired`, async () => {
      const config = `[options]\nUseSyslog
[once]
one_time_sequences = @disk@/sequences
command = echo once >>$KNOCK_LOG
[other]
sequence = 7500
command = echo other >>$KNOCK_LOG
`;
      const disk = await start(config, { sequences: "7000,7001\n7002,7003\n7004,7005\n" });
      const { daemon, path } = disk;
      await begin(disk);
      await knock(7000, 7001);
      await daemon.waitFor(() => daemon.commands().length === 1);
      await knock(7000, 7001, 7002, 7003, 7500);
      await daemon.waitFor(() => daemon.commands().length === 2);
      assert.deepEqual(daemon.commands(), ["once", "other"]);
      const why = `once: could not mark the one time sequence as used --> disabling the door: ${disk.name}/sequences: ${words}`;
      await isTold(daemon, why);
      assert.equal(readFileSync(join(path, "sequences"), "utf8"), "7000,7001\n7002,7003\n7004,7005\n");
      await end(disk);
      writeFileSync(join(path, "sequences"), "7002,7003\n7004,7005\n");
      assert.deepEqual(readdirSync(path), ["sequences"]);
      daemon.signal("SIGHUP");
      await daemon.waitFor(() => logged(daemon, "re-reading config file") === 1);
      await knock(7500); // after it the config is read
      await daemon.waitFor(() => daemon.commands().length === 3);
      await knock(7002, 7003);
      await daemon.waitFor(() => daemon.commands().length === 4);
      assert.equal(readFileSync(join(path, "sequences"), "utf8"), "#7002,7003\n7004,7005\n");
    });

    it(`continues without a log file if its disk is ${what} at SIGHUP, reports it once, and writes after the next SIGHUP`, async () => {
      const config = `[options]\nUseSyslog\nLogFile = @disk@/events\n[door]\nsequence = 7000\ncommand = echo open >>$KNOCK_LOG\n`;
      const disk = await start(config);
      const { daemon, path } = disk;
      const opens = async () => {
        const before = daemon.commands().length;
        await knock(7000);
        await daemon.waitFor(() => daemon.commands().length === before + 1);
      };
      const reread = async () => {
        const before = logged(daemon, "re-opening log file");
        daemon.signal("SIGHUP");
        await daemon.waitFor(() => logged(daemon, "re-opening log file") > before);
        await opens();
      };
      await opens();
      renameSync(join(path, "events"), join(path, "events.1"));
      await begin(disk);
      await reread();
      for (let i = 0; i < 3; i++) await opens();
      const why = `warning: cannot ${what === "full" ? "write" : "open"} logfile ${disk.name}/events: ${words}`;
      await isTold(daemon, why);
      await end(disk);
      await reread();
      await opens();
      const text = readFileSync(join(path, "events"), "utf8");
      assert.match(text, /door: OPEN SESAME\n.*] door: running command.*\n/);
    });

    it(`has no partial pid file if its disk is ${what} at the start, and ends cleanly if it is so at the end`, async () => {
      const config = "[options]\nUseSyslog\n[door]\nsequence = 7000\ncommand = echo $PPID >>$KNOCK_LOG\n";
      const background = async (by: readonly string[]) => {
        const args = ["-d", "-i", "eth0", "-c", "@dir@/knockd.conf", "-p", "@disk@/pid"];
        const disk = await start(config, {}, { args, by, ready: "" });
        const { daemon } = disk;
        assert.deepEqual(await daemon.exited, { status: 0, signal: null }); // of the first process
        await knock(7000);
        await daemon.waitFor(() => daemon.commands().length === 1);
        const pid = Number(daemon.commands()[0]);
        const ends = async () => {
          process.kill(pid, "SIGTERM");
          await daemon.waitFor(() => hasEnded(pid) && logged(daemon, ": shutting down") === 1);
          assert.equal(logged(daemon, "a bug ends knockd"), 0);
        };
        return { ...disk, ...seenBy(wire, pid, disk.name), pid, ends };
      };

      const first = await background(["sh", "-c", `${broken}; exec "$@"`, "sh"]);
      const why = `could not create pid file ${first.name}/pid: ${words}`;
      await isTold(first.daemon, why);
      assert.equal(first.daemon.stderr, `${why}\n`);
      assert.equal(existsSync(join(first.path, "pid")), false);
      await first.ends();

      const second = await background([]);
      assert.equal(readFileSync(join(second.path, "pid"), "utf8"), `${second.pid}\n`);
      await begin(second);
      await second.ends();
    });
  }
});

/** The process that adopts orphans may take a while to reap them. */
function hasEnded(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return true;
  }
}
