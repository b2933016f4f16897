// Tests the test harness itself with Debian's knockd, whose answers are known: if another test fails, the harness must
// not be the reason.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { bound, until } from "../time-limit.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const CONFIG = `
[options]
  UseSyslog
[door]
  sequence      = 7000,8000:udp,9000
  seq_timeout   = 5
  tcpflags      = syn
  start_command = echo open %IP% >> $KNOCK_LOG
  cmd_timeout   = 300
  stop_command  = echo close %IP% >> $KNOCK_LOG
`;

describe("the harness", { skip: needsRoot }, () => {
  let wire: Wire;

  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());

  const knock = (from: string, port: number, protocol: "tcp" | "udp" = "tcp") =>
    frame({ from, to: from.includes(":") ? wire.server6 : wire.server, protocol, port });

  it("knocks with frames, from any address, at given times", async () => {
    const daemon = await Daemon.start(wire, "judge", CONFIG);
    const one = "10.77.0.7";
    const two = "fd77::7";
    const begun = process.hrtime.bigint();
    await wire.send([
      { at: 0, frame: knock(one, 7000) },
      { at: 0.1, frame: knock(two, 7000) },
      { at: 0.2, frame: knock(two, 8000, "udp") },
      { at: 0.3, frame: knock(two, 9000) },
      { at: 0.4, frame: knock(one, 9000) },
    ]);
    const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
    await daemon.waitFor(() => daemon.commands().length > 0);
    assert.ok(seconds >= 0.4 && seconds < bound(2000) / 1000, `it took ${seconds} s`);
    assert.deepEqual(daemon.lines(), [
      `${one}: door: Stage 1`,
      `${two}: door: Stage 1`,
      `${two}: door: Stage 2`,
      `${two}: door: Stage 3`,
      `${two}: door: OPEN SESAME`,
      `door: running command: echo open ${two} >> $KNOCK_LOG`,
    ]);
    assert.deepEqual(daemon.commands(), [`open ${two}`]);
    assert.equal(daemon.stderr, "");
    // The child that sleeps before the stop command must not outlive this test, or delay it for its 300 s.
    assert.deepEqual(await daemon.stop(), { status: 15, signal: null });
    assert.deepEqual(daemon.commands(), [`open ${two}`]);
  });

  it("knocks with Debian’s knock, and reads its own syslog", async () => {
    const devLog = existsSync("/dev/log");
    const daemon = await Daemon.start(wire, "judge", CONFIG, undefined, { syslog: true });
    assert.equal(readFileSync(`/proc/${daemon.pid}/comm`, "utf8"), "knockd\n");
    const client = join(repo, "build/judge/usr/bin/knock");
    const result = await wire.run("client", [client, "-d", "50", wire.server, "7000", "8000:udp", "9000"]);
    assert.deepEqual(result, { status: 0, signal: null, stdout: "", stderr: "" });
    await daemon.waitFor("running command");
    await daemon.waitFor(() => daemon.commands().length > 0);
    assert.equal(daemon.lines().length, 5);
    assert.deepEqual(daemon.commands(), [`open ${wire.client}`]);
    assert.match(daemon.syslog()[0]!, /^<29>... .. ..:..:.. knockd: starting up, listening on eth0$/);
    assert.match(daemon.syslog()[4]!, /knockd: 10\.77\.0\.2: door: OPEN SESAME$/);
    assert.notEqual(readlinkSync(`/proc/${daemon.pid}/ns/mnt`), readlinkSync("/proc/self/ns/mnt"));
    await daemon.stop();
    assert.doesNotMatch(readFileSync("/proc/self/mounts", "utf8"), /private-dev/);
    assert.equal(existsSync("/dev/log"), devLog);
  });

  it("floods, and reports how much it sent", async () => {
    const templates = [knock("10.77.0.2", 7000), knock("fd77::2", 7000)];
    const before = await received();
    const paced = await wire.flood({ templates, count: 200, rate: 1000, vary: "port" });
    assert.equal(paced.sent, 200);
    assert.ok(paced.seconds > 0.19 && paced.seconds < bound(1000) / 1000, `it took ${paced.seconds} s`);
    const full = await wire.flood({ templates, count: 5000, rate: 0, vary: "source" });
    assert.equal(full.sent, 5000);
    assert.ok((await received()) - before >= 5200);
    await assert.rejects(wire.flood({ templates, count: 10_000_001, rate: 0, vary: "none" }), /more than 10000000/);
  });

  it("reports why a daemon does not start", async () => {
    await assert.rejects(Daemon.start(wire, "judge", "nonsense\n"), /judge ended with \{"status":1,"signal":null\}/);
  });

  it("leaves nothing behind", async () => {
    const other = await Wire.open();
    const child = other.spawn("server", ["sleep", "60"], { stdio: "ignore" });
    const comm = () => readFileSync(`/proc/${child.pid}/comm`, "utf8").trim();
    await until(() => comm() === "sleep", 2000, 10);
    assert.equal(comm(), "sleep", "the pid is the program's own");
    await other.close();
    assert.equal(child.signalCode, "SIGKILL");
    for (const name of Object.values(other.namespaces)) assert.ok(!existsSync(`/run/netns/${name}`), name);
    assert.ok(!existsSync(other.dir));
  });

  async function received(): Promise<number> {
    const { stdout } = await wire.run("server", ["cat", "/sys/class/net/eth0/statistics/rx_packets"]);
    return Number(stdout);
  }
});
