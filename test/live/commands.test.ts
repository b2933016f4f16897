// Tests the commands as the running daemon starts them, compared with 0.8.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { untilShell } from "../time-limit.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, Wire } from "./wire.ts";

const BOTH = ["judge", "ours"] as const;

describe("commands", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;

  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());

  async function knock(port: number, from = wire.client): Promise<void> {
    const to = from.includes(":") ? wire.server6 : wire.server;
    await wire.send([{ at: 0, frame: frame({ from, to, protocol: "tcp", port, seq: ++sequence }) }]);
  }

  /** Runs both daemons with this config. */
  async function start(config: string, args: string[] = []): Promise<Daemon[]> {
    const all = ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v", "-g", "@dir@/events", ...args];
    return Promise.all(BOTH.map((which) => Daemon.start(wire, which, config, all)));
  }

  const stop = (daemons: Daemon[]) => Promise.all(daemons.map((daemon) => daemon.stop()));

  const doors = (directives: string[]) =>
    directives.map((lines, i) => `[door${i}]\nsequence = ${7000 + i}\ncmd_timeout = 0\n${lines}\n`).join("");
  const log = (word: string) => `echo ${word} %IP% >>$KNOCK_LOG`;

  it("are those for the client's IP version, with its address in place of each %IP%, as in 0.8", async () => {
    const config = doors([
      `start_command = echo %IP% %ip% %IP%%IP% '%s' >>$KNOCK_LOG`,
      `start_command = ${log("start")}\nstart_command_6 = ${log("start6")}\nstop_command = ${log("stop")}\nstop_command_6 = ${log("stop6")}`,
      `command = ${log("alias")}\ncommand_6 = ${log("alias6")}\nstop_command = ${log("stop for both")}`,
      `start_command = ${log("only for IPv4")}\nstart_command_6 =\nstop_command = ${log("only for IPv4")}`,
      `start_command = ${log("start")}\nstop_command = ${log("stop only for IPv4")}\nstop_command_6 =`,
      `start_command_6 = ${log("only for IPv6")}`,
      `stop_command = ${log("never")}\nstop_command_6 = ${log("never")}`,
    ]);
    const expected = [
      "10.77.0.2 %ip% 10.77.0.210.77.0.2 %s",
      "alias 10.77.0.2",
      "alias6 fd77::2",
      "fd77::2 %ip% fd77::2fd77::2 %s",
      "only for IPv4 10.77.0.2",
      "only for IPv4 10.77.0.2",
      "only for IPv6 fd77::2",
      "start 10.77.0.2",
      "start 10.77.0.2",
      "start fd77::2",
      "start6 fd77::2",
      "stop 10.77.0.2",
      "stop for both 10.77.0.2",
      "stop for both fd77::2",
      "stop only for IPv4 10.77.0.2",
      "stop6 fd77::2",
    ];
    const daemons = await start(config);
    for (let door = 0; door < 7; door++) {
      for (const from of [wire.client, wire.client6]) await knock(7000 + door, from);
    }
    for (const daemon of daemons) {
      await daemon.waitFor(() => daemon.commands().length >= expected.length);
      await daemon.waitFor("fd77::2: door6: OPEN SESAME");
    }
    await stop(daemons);
    for (const daemon of daemons) assert.deepEqual(daemon.commands().sort(), expected);
  });

  it("inherit only descriptors 0, 1 and 2; 0.8 passes on its capture socket and its log file", async () => {
    // The shell's own descriptor for the directory no longer exists when it is listed.
    const list =
      "exec >$KNOCK_LOG 2>&1; for fd in /proc/$$/fd/*; do [ -h $fd ] && echo $fd && readlink $fd; done; echo";
    const [judge, ours] = await start(doors([`command = ${list}`]));
    await knock(7000);
    for (const daemon of [judge!, ours!]) await daemon.waitFor(() => daemon.commands().at(-1) === "");
    const numbers = (daemon: Daemon) =>
      daemon
        .commands()
        .flatMap((line) => /^\/proc\/\d+\/fd\/(\d+)$/.exec(line)?.[1] ?? [])
        .map(Number);
    assert.deepEqual(numbers(ours!), [0, 1, 2]);
    assert.ok(judge!.commands().some((line) => line.startsWith("socket:")));
    assert.ok(judge!.commands().includes(`${judge!.dir}/events`));
    await stop([judge!, ours!]);
  });

  it("write where the daemon does, in its directory, in a new session, as in 0.8", async () => {
    const command = "echo out; echo err >&2; pwd >>$KNOCK_LOG; cut -d' ' -f6 /proc/self/stat >>$KNOCK_LOG";
    const daemons = await start(doors([`command = ${command}`]));
    await knock(7000);
    for (const daemon of daemons) {
      await daemon.waitFor(() => daemon.commands().length === 2);
      const [directory, session] = daemon.commands();
      assert.equal(directory, daemon.dir);
      const group = (await wire.run("server", ["cut", "-d ", "-f6", `/proc/${daemon.pid}/stat`])).stdout.trim();
      assert.notEqual(session, group);
      assert.notEqual(session, `${daemon.pid}`);
    }
    await stop(daemons);
    for (const daemon of daemons) {
      assert.ok(daemon.stdout.includes("\nout\n"));
      assert.equal(daemon.stderr, "err\n");
    }
  });

  it("that sleep delay no packet, no other command and no closing door", async () => {
    const sleeper = `${log("sleeps")}; sleep 60`;
    const daemons = await start(
      doors([
        `command = ${sleeper}\nstop_command = ${log("never")}`,
        `command = ${log("start")}\nstop_command = ${log("stop")}`,
      ]),
    );
    const sleepers = ["10.77.0.3", "10.77.0.4", "10.77.0.5"];
    for (const from of sleepers) await knock(7000, from);
    await knock(7001);
    for (const daemon of daemons) {
      await daemon.waitFor(() => daemon.commands().length === 5);
      const sleeping = sleepers.map((from) => `sleeps ${from}`);
      assert.deepEqual(daemon.commands().sort(), [...sleeping, "start 10.77.0.2", "stop 10.77.0.2"].sort());
    }
    // Ours would wait for them, as it should.
    await Promise.all(daemons.map((daemon) => daemon.stop("SIGKILL")));
  });

  it("are not run for IPv6 clients with -4, as in 0.8, and their knocks are not captured", async () => {
    const daemons = await start(doors([`command = ${log("start")}\ncommand_6 = ${log("start6")}`]), ["-4"]);
    await knock(7000, wire.client6);
    await knock(7000);
    for (const daemon of daemons) {
      await daemon.waitFor(() => daemon.commands().length > 0);
      assert.deepEqual(daemon.commands(), ["start 10.77.0.2"]);
      assert.doesNotMatch(daemon.stdout, /fd77/);
    }
    await stop(daemons);
  });

  it("that end by a signal are reported with 128 and its number; 0.8 reports 0, as if nothing had failed", async () => {
    const [judge, ours] = await start(doors(["command = kill -KILL $$", "command = kill -TERM $$"]));
    const failed = (door: number, status: number) => `door${door}: command returned non-zero status code (${status})\n`;
    for (const door of [0, 1]) {
      await knock(7000 + door);
      for (const daemon of [judge!, ours!]) await daemon.waitFor(() => daemon.stderr.includes(`door${door}`));
    }
    assert.equal(judge!.stderr, failed(0, 0) + failed(1, 0));
    assert.equal(ours!.stderr, failed(0, 137) + failed(1, 143));
    await stop([judge!, ours!]);
  });

  it("that fail have their standard error in the log, and a program that they started keeps running", async () => {
    const isTold = untilShell("[ -e $KNOCK_LOG.go ]");
    const server = `(${isTold}; head -c 200000 /dev/zero >&2; echo lives >>$KNOCK_LOG) &`;
    const config = doors([
      "command = iptables -A NOSUCHCHAIN -s %IP% -j ACCEPT",
      "command = echo a warning >&2",
      `command = ${server}`,
    ]);
    const daemons = await start(config, ["-g", "@dir@/events"]);
    const log = (daemon: Daemon) => readFileSync(join(daemon.dir, "events"), "utf8");
    for (const port of [7000, 7001, 7002]) await knock(port);
    for (const daemon of daemons) {
      await daemon.waitFor(() => daemon.stderr.includes("a warning") && daemon.stderr.includes("status code"));
      await daemon.waitFor(`door2: running command: `);
      assert.match(daemon.stderr, /No chain\/target\/match by that name/);
      if (daemon.which === "judge") assert.doesNotMatch(log(daemon), /No chain/);
      else assert.match(log(daemon), /\] door0: command said: iptables.*No chain\/target\/match by that name\.\n/);
      assert.doesNotMatch(log(daemon), /said: a warning/);
      daemon.signal(daemon.which === "ours" ? "SIGKILL" : "SIGTERM");
      await daemon.exited;
      writeFileSync(join(daemon.dir, "commands.go"), "");
      await daemon.waitFor(() => daemon.commands().includes("lives"));
    }
    await stop(daemons);
  });
});
