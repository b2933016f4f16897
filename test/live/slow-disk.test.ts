// Tests a disk on which no fsync returns: doors still open, and SIGKILL at that moment leaves none of them open.
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { parseLedger } from "../../src/doors/ledger-entry.ts";
import { frame } from "../frame.ts";
import { Daemon } from "./daemon.ts";
import { compiled, needsRoot, Wire } from "./wire.ts";

const SHIM = ["-shared", "-fPIC"];

describe("knockd on a disk whose fsync does not end", { skip: needsRoot }, () => {
  let wire: Wire;
  let shim: string;
  let sequence = 0;
  const running: Daemon[] = [];

  before(async () => {
    wire = await Wire.open();
    shim = compiled("test/live/slow-disk.cc", "build/slow-disk.so", ...SHIM);
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) {
      rmSync(join(daemon.dir, "gate"), { force: true });
      await daemon.stop("SIGKILL");
    }
  });

  async function start(config: string, files: Record<string, string> = {}): Promise<Daemon> {
    const args = ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v"];
    const options = { env: { LD_PRELOAD: shim, SLOW_DISK_GATE: "gate" }, files };
    const daemon = await Daemon.start(wire, "ours", `[options]\nStateFile = @dir@/ledger\n${config}`, args, options);
    running.push(daemon);
    return daemon;
  }
  /** It is in the daemon's working directory. */
  const closeGate = (daemon: Daemon) => writeFileSync(join(daemon.dir, "gate"), "");
  async function knock(...ports: number[]): Promise<void> {
    const { client: from, server: to } = wire;
    const frames = ports.map((port) => {
      const sourcePort = 20_000 + (++sequence % 30_000);
      return { at: 0, frame: frame({ from, to, protocol: "udp", port, sourcePort }) };
    });
    await wire.send(frames);
  }

  it("opens one door after the other, and the next daemon closes them all", async () => {
    const doors = Array.from({ length: 20 }, (_, i) => 7000 + i);
    const config = doors
      .map(
        (port) => `[door${port}]
sequence = ${port}:udp
start_command = echo start ${port} >>@dir@/done
cmd_timeout = 600
stop_command = echo stop ${port} >>@dir@/done
`,
      )
      .join("");
    const first = await start(config);
    const done = () => readFileSync(join(first.dir, "done"), "utf8").trim().split("\n");
    const started = doors.map((port) => `start ${port}`);
    writeFileSync(join(first.dir, "done"), "");
    closeGate(first);
    for (const port of doors) await knock(port);
    await first.waitFor(() => done().length === doors.length);
    assert.deepEqual(done().sort(), started);
    first.signal("SIGKILL");
    rmSync(join(first.dir, "gate"));
    await first.exited;
    assert.equal(parseLedger(readFileSync(join(first.dir, "ledger"))).length, doors.length);
    const second = await start(config.replaceAll("@dir@", first.dir).replace(/^/, `StateFile = ${first.dir}/ledger\n`));
    assert.match(second.stdout, /^20 doors are still open from an earlier run/m);
    await second.stop("SIGTERM");
    const stopped = doors.map((port) => `stop ${port}`);
    assert.deepEqual(done().sort(), [...started, ...stopped].sort());
  });

  it("marks a one-time sequence as used, and opens for it and for others meanwhile", async () => {
    const daemon = await start(
      `[once]
one_time_sequences = @dir@/sequences
command = echo once >>$KNOCK_LOG
[other]
sequence = 7500:udp
command = echo other >>$KNOCK_LOG
`,
      { sequences: "7000:udp\n7001:udp\n" },
    );
    closeGate(daemon);
    await knock(7000);
    await daemon.waitFor(() => daemon.commands().length === 1);
    await knock(7001);
    await daemon.waitFor(() => daemon.commands().length === 2);
    await knock(7500);
    await daemon.waitFor(() => daemon.commands().length === 3);
    assert.deepEqual(daemon.commands(), ["once", "once", "other"]);
    assert.equal(readFileSync(join(daemon.dir, "sequences"), "utf8"), "#7000:udp\n#7001:udp\n");
  });
});
