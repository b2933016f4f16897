// Tests that no door stays open, whatever ends the daemon. Debian's knockd leaves one open.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseLedger } from "../../src/doors/ledger-entry.ts";
import { frame } from "../frame.ts";
import { Daemon, type Which } from "./daemon.ts";
import { needsRoot, Wire } from "./wire.ts";

/** How often the daemon of the last test is killed. */
const KILLS = 100;

describe("an open door", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;
  const running: Daemon[] = [];

  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop("SIGKILL");
  });

  const door = (name: string, port: number, seconds: number, more = "") => `
[${name}]
  sequence = ${port}:udp
  start_command = echo start ${name} %IP% >>@dir@/commands
  cmd_timeout = ${seconds}
  stop_command = echo stop ${name} %IP% >>@dir@/commands
${more}`;
  const OPTIONS = (state: string, more = "") => `[options]\nStateFile = ${state}\n${more}\n`;
  const ledgerIn = (dir: string) => join(dir, "ledger");

  async function start(config: string, which: Which = "ours", args = ["-i", "eth0"]): Promise<Daemon> {
    const daemon = await Daemon.start(wire, which, config, [...args, "-c", "@dir@/knockd.conf", "-v"]);
    running.push(daemon);
    return daemon;
  }
  /** One packet each, never the same one twice. */
  async function knock(...ports: number[]): Promise<void> {
    const frames = ports.map((port) => {
      const sourcePort = 20_000 + (++sequence % 30_000);
      return { at: 0, frame: frame({ from: wire.client, to: wire.server, protocol: "udp", port, sourcePort }) };
    });
    await wire.send(frames);
  }
  /** Starts the next daemon, with the config and the files of the previous one. */
  async function again(dead: Daemon, config: string): Promise<Daemon> {
    const daemon = await start(config.replaceAll("@dir@", dead.dir));
    return daemon;
  }
  const settled = (daemon: Daemon, lines: readonly string[]) =>
    daemon.waitFor(() => daemon.commands().sort().join() === [...lines].sort().join());

  it("is in the ledger, readable only by root, before it opens and until it is closed", async () => {
    const daemon = await start(
      OPTIONS("@dir@/ledger") + door("a", 7000, 1, "  command = cat @dir@/ledger >@dir@/seen"),
    );
    const ledger = ledgerIn(daemon.dir);
    await knock(7000);
    await daemon.waitFor(() => existsSync(join(daemon.dir, "seen")) && statSync(join(daemon.dir, "seen")).size > 0);
    const [open] = parseLedger(readFileSync(join(daemon.dir, "seen")));
    assert.equal(open!.stopCommand, `echo stop a ${wire.client} >>${daemon.dir}/commands`);
    assert.equal(statSync(ledger).mode & 0o777, 0o600);
    await daemon.waitFor("command timeout");
    await daemon.waitFor(() => !existsSync(ledger));
    await daemon.waitFor(() => !readdirSync(daemon.dir).some((name) => name.endsWith(".closing")));
  });

  it("is closed on time by the next daemon after SIGKILL, even if it was removed from the config", async () => {
    const config = OPTIONS("@dir@/ledger") + door("soon", 7000, 1) + door("later", 7001, 600);
    const first = await start(config);
    await knock(7000, 7001);
    await first.waitFor(() => first.commands().length === 2);
    await first.stop("SIGKILL");
    await sleep(1100);
    const second = await again(first, OPTIONS("@dir@/ledger") + door("other", 7002, 1));
    assert.match(second.stdout, /^2 doors are still open from an earlier run and will close on time$/m);
    await settled(first, [`start soon ${wire.client}`, `start later ${wire.client}`, `stop soon ${wire.client}`]);
    await second.waitFor(() => parseLedger(readFileSync(ledgerIn(first.dir))).length === 1);
    const { status } = await second.stop("SIGTERM");
    assert.equal(status, 15);
    assert.ok(first.commands().includes(`stop later ${wire.client}`), "SIGTERM closes what is left");
    assert.equal(existsSync(ledgerIn(first.dir)), false);
  });

  it("is closed at SIGTERM, while 0.8's stays open if its children are killed too", async () => {
    for (const which of ["ours", "judge"] as const) {
      const daemon = await start((which === "ours" ? OPTIONS("@dir@/ledger") : "") + door("a", 7000, 600), which);
      await knock(7000);
      await daemon.waitFor(() => daemon.commands().length === 1);
      await daemon.stop(); // 0.8 as systemd ends it, together with its sleeping child
      assert.equal(daemon.commands().length, which === "ours" ? 2 : 1);
    }
  });

  it("stays open over a restart with On_Exit = keep", async () => {
    const config = OPTIONS("@dir@/ledger", "On_Exit = keep") + door("a", 7000, 2);
    const first = await start(config);
    await knock(7000);
    await first.waitFor(() => first.commands().length === 1);
    await first.stop("SIGTERM");
    assert.equal(first.commands().length, 1);
    const second = await again(first, config);
    await second.waitFor("command timeout");
    await settled(first, [`start a ${wire.client}`, `stop a ${wire.client}`]);
  });

  it("opens even if its ledger cannot be written, which is reported", async () => {
    const daemon = await start(OPTIONS("/proc/nowhere/ledger") + door("a", 7000, 0));
    await knock(7000);
    await settled(daemon, [`start a ${wire.client}`, `stop a ${wire.client}`]);
    assert.match(
      daemon.stderr,
      /cannot write \/proc\/nowhere\/ledger: .*: doors still work, but a crash would leave them open/,
    );
  });

  it("does not prevent the start if the ledger is damaged", async () => {
    const first = await start(OPTIONS("@dir@/ledger"));
    await first.stop();
    writeFileSync(ledgerIn(first.dir), '{"version":2}\n{"id":1,\n');
    const second = await again(first, OPTIONS("@dir@/ledger"));
    assert.match(second.stderr, /ledger is not a ledger of open doors .*: renamed to /);
    assert.ok(existsSync(`${ledgerIn(first.dir)}.bad`));
  });

  it("is closed by killing everything that its hanging command has started", async () => {
    const hangs = "  start_command = sleep 1000 & echo $! >@dir@/child; trap '' TERM; sleep 1000; sleep 1000";
    const config = OPTIONS("@dir@/ledger") + door("a", 7000, 0, `${hangs}\n  Command_Timeout = 1`);
    const daemon = await start(config);
    await knock(7000);
    await daemon.waitFor(() => daemon.commands().includes(`stop a ${wire.client}`), 15_000);
    assert.match(daemon.stderr, /^a: command still running after 1 second, killing it$/m);
    const child = Number(readFileSync(join(daemon.dir, "child"), "utf8"));
    assert.equal(existsSync(`/proc/${child}`), false);
  });

  it("of a running daemon is protected: a second one does not start", async () => {
    const config = door("a", 7000, 600);
    const first = await start(config);
    const args = (interfaces: string) => ["-i", interfaces, "-c", first.configPath, "-v"];
    const failed = (error: Error) =>
      error.message.includes(`knockd is already running with ${first.configPath} on eth0 (pid ${first.pid})`);
    await assert.rejects(Daemon.start(wire, "ours", config, args("eth0")), failed);
    await assert.rejects(Daemon.start(wire, "ours", config, args("lo,eth0")), failed);
    const beside = await Daemon.start(wire, "ours", config, args("lo"), { ready: "listening on lo..." });
    await beside.stop();
    const otherConfig = await start(config);
    assert.equal(otherConfig.ended, undefined);
  });

  it("is taken over if its daemon no longer listens there since SIGHUP", async () => {
    const config = (interfaces: string) => `[options]\nInterface = ${interfaces}\n${door("a", 7000, 600)}`;
    const options = { ready: "listening on eth0, lo..." };
    const first = await Daemon.start(wire, "ours", config("eth0,lo"), ["-c", "@dir@/knockd.conf", "-v", "-D"], options);
    running.push(first);
    const args = ["-i", "lo", "-c", first.configPath, "-v"];
    const second = () => Daemon.start(wire, "ours", config("lo"), args, { ready: "listening on lo..." });
    await assert.rejects(second(), /already running with .* on lo \(pid/);
    const reload = async (interfaces: string, told: string) => {
      const times = () => `${first.stdout}${first.stderr}`.split(told).length;
      const before = times();
      writeFileSync(first.configPath, config(interfaces));
      first.signal("SIGHUP");
      await first.waitFor(() => times() > before);
    };
    await reload("eth0", "packet filter: ");
    const beside = await second();
    await reload("eth0,lo", "the old configuration stays in force");
    await beside.stop();
    running.push(await second()); // the first daemon, whose reload was refused, has not locked lo
  });

  it("that a daemon on another interface left behind is closed by the next one", async () => {
    const config = door("a", 7000, 1);
    const first = await start(config);
    await knock(7000);
    await first.waitFor(() => first.commands().length === 1);
    await first.stop("SIGKILL");
    // The same config, by its path; commands are the ledger's, which say where they write.
    const args = ["-i", "eth0,lo", "-c", first.configPath, "-v"];
    const second = await Daemon.start(wire, "ours", config, args, { ready: "listening on " });
    running.push(second);
    await second.waitFor(() => first.commands().length === 2);
    assert.deepEqual(first.commands(), [`start a ${wire.client}`, `stop a ${wire.client}`]);
  });

  it(`is neither left open nor closed twice in ${KILLS} runs that end by SIGKILL at a random moment`, async () => {
    const config = OPTIONS("@dir@/ledger") + door("a", 7000, 0) + door("b", 7001, 0);
    const first = await start(config);
    let daemon = first;
    const knocked: { name: string; ip: string }[] = [];
    for (let life = 0; life < KILLS; life++) {
      // A different client for each command, so that each command can be recognised.
      const some = Array.from({ length: 8 }, (_, i) => ({
        name: i % 2 ? "b" : "a",
        ip: `10.77.${1 + (life >> 4)}.${1 + (life & 15) * 8 + i}`,
      }));
      knocked.push(...some);
      const knocks = wire.send(
        some.map(({ name, ip: from }, i) => {
          const port = name === "a" ? 7000 : 7001;
          return { at: i * 0.005, frame: frame({ from, to: wire.server, protocol: "udp", port }) };
        }),
      );
      await sleep(Math.random() * 60);
      daemon.signal("SIGKILL");
      await Promise.all([daemon.exited, knocks]);
      running.splice(running.indexOf(daemon), 1);
      daemon = await again(first, config);
    }
    await daemon.waitFor(() => !existsSync(ledgerIn(first.dir)));
    const count = (word: string, name: string, ip: string) =>
      first.commands().filter((line) => line === `${word} ${name} ${ip}`).length;
    let opened = 0;
    for (const { name, ip } of knocked) {
      const [starts, stops] = [count("start", name, ip), count("stop", name, ip)];
      assert.ok(starts <= 1 && stops <= 1, `${ip} at ${name}: ${starts} starts, ${stops} stops`);
      // A daemon may end between the ledger's entry and the start command: then only the stop command runs.
      assert.ok(stops >= starts, `${ip} at ${name} was left open`);
      opened += starts;
    }
    assert.ok(opened > 0);
  });
});
