// Tests queued commands with the real daemon: a flood at one door delays no other, long commands are not killed, and at
// the end as many doors are closed as the time allows.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { parseLedger } from "../../src/doors/ledger-entry.ts";
import { frame } from "../frame.ts";
import { Daemon, type StartOptions } from "./daemon.ts";
import { needsRoot, Wire } from "./wire.ts";

const FLOOD = 2000;
/** The network's broadcast address is among the flood's sources: no client has it. */
const CLIENTS = FLOOD - 1;
/** More commands than one door may run at once, and the other door's command. */
const ONE_TURN = 57;

const door = (name: string, port: number, lines: string) => `[${name}]\n  sequence = ${port}:udp\n  ${lines}\n`;

describe("the queue of commands", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;
  const running: Daemon[] = [];

  /** Its command takes long, while the other tests run. */
  let patient: Daemon;

  before(async () => {
    wire = await Wire.open();
    const config =
      door("old", 4000, "command = echo in >>$KNOCK_LOG; sleep 75; echo out >>$KNOCK_LOG") +
      door("new", 4001, "command = sleep 1000\n  Command_Timeout = 1");
    patient = await Daemon.start(wire, "ours", config);
    await knock(4000);
    await knock(4001);
  });
  after(async () => {
    await patient?.stop("SIGKILL");
    await wire?.close();
  });
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop("SIGKILL");
  });

  async function start(config: string, options: StartOptions = {}): Promise<Daemon> {
    const whole = `[options]\n  StateFile = @dir@/ledger\n${config}`;
    const daemon = await Daemon.start(wire, "ours", whole, undefined, options);
    running.push(daemon);
    return daemon;
  }
  const udp = (port: number, from = wire.client) =>
    frame({ from, to: wire.server, protocol: "udp", port, sourcePort: 20_000 + (++sequence % 30_000) });
  const knock = (port: number, from = wire.client) => wire.send([{ at: 0, frame: udp(port, from) }]);
  const opened = (daemon: Daemon, name: string) => daemon.stdout.split(`: ${name}: OPEN SESAME\n`).length - 1;

  /** A flood of openings, all of which wait or run. */
  async function flood(daemon: Daemon, port: number): Promise<void> {
    const { sent } = await wire.flood({ templates: [udp(port)], count: FLOOD, rate: 1000, vary: "source" });
    assert.equal(sent, FLOOD);
    await daemon.waitFor(() => opened(daemon, "flooded") === CLIENTS, 30_000);
  }

  /** How many of the flood's commands ended between a knock at the other door and that door's command. */
  async function turnsUntil(daemon: Daemon, port: number, line: string): Promise<number> {
    const before = daemon.commands().length;
    await knock(port, "10.77.0.9");
    await daemon.waitFor(() => daemon.commands().includes(line), 10_000);
    return daemon.commands().indexOf(line) - before;
  }

  it("makes another door wait at most one turn if one is flooded", async () => {
    const daemon = await start(
      door("flooded", 5000, "command = sleep 1; echo flooded >>$KNOCK_LOG") +
        door("other", 6000, "command = echo in %IP% >>$KNOCK_LOG"),
    );
    await flood(daemon, 5000);
    const turns = await turnsUntil(daemon, 6000, "in 10.77.0.9");
    assert.ok(turns <= ONE_TURN, `${turns} commands of the flood went before it`);
  });

  it("does not make another door wait if the commands of one hang", async () => {
    const daemon = await start(
      door("flooded", 5000, "command = sleep 1000") + door("other", 6000, "command = echo in %IP% >>$KNOCK_LOG"),
    );
    await flood(daemon, 5000);
    assert.equal(await turnsUntil(daemon, 6000, "in 10.77.0.9"), 0);
  });

  it("makes another door, and another source, wait at most two commands for a program that a flooded door runs", async () => {
    const files = { "rule.sh": "sleep 0.3; echo $1 >>$KNOCK_LOG\n" };
    const config =
      door("flooded", 5000, "command = sh @dir@/rule.sh flooded") +
      door("other", 6000, "command = sh @dir@/rule.sh other-%IP%") +
      door("sources", 6001, "command = sh @dir@/rule.sh source-%IP%");
    const daemon = await start(config, { files });
    await flood(daemon, 5000);
    const turns = await turnsUntil(daemon, 6000, "other-10.77.0.9");
    assert.ok(turns <= 2, `${turns} commands of the flood went before it`);
    const many = Array.from({ length: 20 }, () => ({ at: 0, frame: udp(6001) }));
    await wire.send(many);
    await daemon.waitFor(() => opened(daemon, "sources") === 20);
    const before = daemon.commands().length;
    await knock(6001, "10.77.0.9");
    await daemon.waitFor(() => daemon.commands().includes("source-10.77.0.9"), 20_000);
    const ran = daemon.commands().slice(before);
    const same = ran.slice(0, ran.indexOf("source-10.77.0.9")).filter((line) => line.startsWith("source-"));
    assert.ok(same.length <= 2, `${same.length} commands of the other source went before it`);
  });

  it("runs a script that changes a file one at a time, and iptables in parallel", async () => {
    // Reads, waits and writes, as ufw does.
    const script = "n=$(cat @dir@/count 2>/dev/null); sleep 0.05; echo $((n + 1)) >@dir@/count\n";
    const config =
      door("counted", 5000, "command = sh @dir@/count.sh %IP%") +
      door(
        "barred",
        5001,
        "command = [ -e @dir@/bar ] && while [ -e @dir@/bar ]; do sleep 0.02; done; iptables -V >>$KNOCK_LOG",
      );
    const daemon = await start(config, { files: { "count.sh": script, bar: "" } });
    const from = Array.from({ length: 12 }, (_, i) => `10.77.0.${20 + i}`);
    await wire.send(from.map((one) => ({ at: 0, frame: udp(5000, one) })));
    const count = () => readFileSync(join(daemon.dir, "count"), "utf8").trim();
    await daemon.waitFor(() => existsSync(join(daemon.dir, "count")) && count() === "12", 20_000);
    await wire.send(from.map((one) => ({ at: 0, frame: udp(5001, one) })));
    await daemon.waitFor(() => daemon.stdout.split("barred: running command").length - 1 === 12, 20_000);
  });

  it("at SIGTERM closes what it has time for, reports the rest, and the next start closes that immediately", async () => {
    const config = door(
      "a",
      5000,
      "start_command = true\n  stop_command = sh @dir@/close.sh %IP%\n  cmd_timeout = 600",
    );
    // The third one hangs, and is not run again, because it has begun.
    const script = "echo $1 >>$KNOCK_LOG; [ $(wc -l <$KNOCK_LOG) != 3 ] || sleep 1000\n";
    const first = await start(config, { files: { "close.sh": script } });
    const from = Array.from({ length: 5 }, (_, i) => `10.77.0.${20 + i}`);
    await wire.send(from.map((one) => ({ at: 0, frame: udp(5000, one) })));
    await first.waitFor(() => opened(first, "a") === 5);
    await first.waitFor(() => parseLedger(readFileSync(join(first.dir, "ledger"))).length === 5);
    first.signal("SIGTERM");
    await first.exited;
    assert.equal(first.commands().length, 3);
    assert.match(first.stderr, /^a command has not ended after 5 seconds: knockd exits without it$/m);
    assert.match(first.stderr, /^2 stop commands have not run: the next start runs them$/m);
    const args = ["-i", "eth0", "-c", first.configPath, "-v"];
    const second = await Daemon.start(wire, "ours", "", args, {});
    running.push(second);
    const all = () => [...first.commands(), ...second.commands()].sort();
    await second.waitFor(() => second.commands().length === 2, 10_000);
    assert.deepEqual(all(), from);
  });

  it("kills no slow command, unless Command_Timeout is set", async () => {
    const ending = "new: command still running after 1 second, killing it\n";
    await patient.waitFor(() => patient.stderr.includes(ending), 20_000);
    await patient.waitFor(() => patient.commands().includes("out"), 120_000);
    const told = patient.stderr.split("\n").filter((line) => line.startsWith("old: "));
    assert.deepEqual(told, ["old: command still running after 60 seconds"]);
  });
});
