// Tests SIGHUP: the config is read again, and nothing that is under way is lost. Compared with 0.8 where 0.8 does it
// too.
import assert from "node:assert/strict";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { Daemon, isOf08, type StartOptions, type Which } from "./daemon.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const BOTH = ["judge", "ours"] as const;
const run = (word: string) => `command = echo ${word} >>$KNOCK_LOG\n`;

describe("at SIGHUP", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;

  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());

  async function knock(...ports: number[]): Promise<void> {
    const { client: from, server: to } = wire;
    await wire.send(
      ports.map((port, i) => ({ at: i * 0.05, frame: frame({ from, to, protocol: "tcp", port, seq: ++sequence }) })),
    );
  }

  const times = (daemon: Daemon, text: string) => daemon.stdout.split(text).length - 1;

  /** The same config for both. -D shows when a config has been adopted. */
  const start = (which: Which, config: string, args = ["-i", "eth0"], options: StartOptions = {}) =>
    Daemon.start(wire, which, config, [...args, "-c", "@dir@/knockd.conf", "-v", "-D"], options);

  const adopted = (daemon: Daemon) =>
    times(daemon, daemon.which === "ours" ? "packet filter: " : "adding pcap expression") +
    daemon.stderr.split("the old configuration stays in force\n").length;

  /** Changes the config, if a new one is given, and waits until the daemon has read it, successfully or not. */
  async function reload(daemon: Daemon, config?: string): Promise<void> {
    if (config !== undefined) writeFileSync(daemon.configPath, config.replaceAll("@dir@", daemon.dir));
    const before = adopted(daemon);
    daemon.signal("SIGHUP");
    await daemon.waitFor(() => adopted(daemon) > before);
  }

  it("new doors are captured, removed ones are not, and a changed command runs", async () => {
    for (const which of BOTH) {
      const door = (name: string, port: number, word = name) => `[${name}]\nsequence = ${port}\n${run(word)}`;
      const daemon = await start(which, door("gone", 7000) + door("stays", 7001));
      await reload(daemon, door("stays", 7001, "changed") + door("new", 7002));
      await knock(7000, 7001, 7002);
      await daemon.waitFor(() => daemon.commands().length === 2);
      assert.deepEqual(daemon.commands().sort(), ["changed", "new"]);
      await daemon.stop();
    }
  });

  it("a new weak door is reported in the log, once", async () => {
    const logged = (doors: string) => `[options]\nLogFile = @dir@/events\n${doors}`;
    const first = "[a]\nsequence = 7000,7005\n";
    const daemon = await start("ours", logged(first));
    const told = () =>
      readFileSync(join(daemon.dir, "events"), "utf8").match(/\w+(?=: its sequence is easily found)/g) ?? [];
    await daemon.waitFor(() => told().length === 1);
    await reload(daemon, logged(`${first}[b]\nsequence = 7001,7002\n`));
    await reload(daemon);
    await daemon.waitFor(() => told().length === 2);
    assert.deepEqual(told(), ["a", "b"]);
    await daemon.stop();
  });

  it("an attempt continues if its door did not change (its command may), and ends if it did", async () => {
    const door = (name: string, ports: string, more = "", word = name) =>
      `[${name}]\nsequence = ${ports}\n${more}${run(word)}`;
    const same = door("same", "7000,7001,7002", "tcpflags = syn\n");
    const command = (word: string) => door("command", "7000,7001,7002", "", word);
    const daemon = await start(
      "ours",
      `${door("longer", "7000,7001", "seq_timeout = 5\n")}${door("other", "7000,7001")}${same}${command("old")}`,
    );
    await knock(7000);
    await daemon.waitFor(() => times(daemon, "Stage 1") === 4);
    // The order changes too.
    await reload(
      daemon,
      `${command("new")}${door("other", "7000,7002")}${same}${door("longer", "7000,7001", "seq_timeout = 6\n")}`,
    );
    await knock(7001, 7002);
    await daemon.waitFor(() => daemon.commands().length === 2);
    assert.deepEqual(daemon.commands().sort(), ["new", "same"]);
    assert.equal(times(daemon, "OPEN SESAME"), 2);
    await daemon.stop();
  });

  it("an open door closes on time, even if it was removed from the config; also in 0.8", async () => {
    const config = `[open]\nsequence = 7000\n${run("start")}cmd_timeout = 1\nstop_command = echo stop >>$KNOCK_LOG\n`;
    const daemons = await Promise.all(BOTH.map((which) => start(which, config)));
    await knock(7000);
    for (const daemon of daemons) await daemon.waitFor(() => daemon.commands().length === 1);
    for (const daemon of daemons) await reload(daemon, "[new]\nsequence = 7001\n");
    for (const daemon of daemons) {
      await daemon.waitFor(() => daemon.commands().length === 2);
      assert.deepEqual(daemon.commands(), ["start", "stop"]);
      const lines = /10\.77\.0\.2: open: command timeout\nopen: running command: echo stop/;
      await daemon.waitFor(() => lines.test(daemon.stdout)); // the command may be faster than the line about it
      await daemon.stop();
    }
  });

  const good = `[options]\nUseSyslog\nLogFile = @dir@/events\n[door]\nsequence = 7000\n${run("open")}`;
  const broken: [what: string, config: string | undefined, why: RegExp][] = [
    ["a line is wrong", good.replace("[door]", "[door]\nnonsense"), /^config: line 5: syntax error/],
    ["the file has gone", undefined, /knockd\.conf: No such file or directory$/],
    [
      "the interface is not there",
      good.replace("[door]", "Interface = nope\n[door]"),
      /^could not open nope: nope: No such device exists/,
    ],
  ];
  for (const [what, config, why] of broken) {
    it(`the old config stays if ${what}, which is reported on standard error and in both logs, with a new log file`, async () => {
      const daemon = await start("ours", good, [], { syslog: true });
      const log = join(daemon.dir, "events");
      renameSync(log, `${log}.1`);
      if (config === undefined) rmSync(daemon.configPath);
      await reload(daemon, config);
      await daemon.waitFor(() => daemon.stderr.endsWith("the old configuration stays in force\n"));
      await knock(7000);
      await daemon.waitFor(() => daemon.commands().length === 1);
      daemon.signal("SIGTERM");
      assert.deepEqual(await daemon.exited, { status: 15, signal: null });
      await daemon.waitFor(() => daemon.syslog().some((line) => line.endsWith(": shutting down")));
      await daemon.stop();
      const told = daemon.stderr.split("\n").slice(0, -1);
      assert.match(told[0]!, why);
      assert.deepEqual(told.slice(1), ["the old configuration stays in force"]);
      const opened = [
        "10.77.0.2: door: Stage 1",
        "10.77.0.2: door: OPEN SESAME",
        "door: running command: echo open >>$KNOCK_LOG",
        "shutting down",
      ];
      const rereading = `re-reading config file: ${daemon.configPath}`;
      const unstamped = (path: string) =>
        readFileSync(path, "utf8")
          .split("\n")
          .slice(0, -1)
          .filter(isOf08)
          .map((line) => line.slice(19));
      assert.deepEqual(unstamped(`${log}.1`), ["starting up, listening on eth0", rereading]);
      assert.deepEqual(unstamped(log), [...told, ...opened]);
      assert.deepEqual(
        daemon.syslog().map((line) => line.slice("<29>Mon DD HH:MM:SS knockd: ".length)),
        ["starting up, listening on eth0", rereading, `re-opening log file: ${log}`, ...told, ...opened],
      );
    });
  }

  it("0.8 ends if the config is wrong, and all doors are gone", async () => {
    const daemon = await start("judge", good);
    writeFileSync(daemon.configPath, "[door]\nnonsense\n");
    daemon.signal("SIGHUP");
    assert.deepEqual(await daemon.exited, { status: 1, signal: null });
    await daemon.stop();
    assert.match(daemon.stderr, /^config: line 2: syntax error/);
  });

  /** Shown with -v, but not with -D. */
  const isSaid = (line: string) => /^(re-|closing|10\.77|door:)/.test(line);

  it("a log file that was moved away is begun again, and that is reported as in 0.8", async () => {
    const told = [];
    for (const which of BOTH) {
      const daemon = await start(which, good, undefined, { syslog: true });
      const log = join(daemon.dir, "events");
      await daemon.waitFor(() => readFileSync(log, "utf8").includes("starting up")); // 0.8 listens a little earlier
      renameSync(log, `${log}.1`);
      await reload(daemon);
      await knock(7000);
      await daemon.waitFor(() => daemon.commands().length === 1);
      await daemon.waitFor(() => daemon.syslog().some((line) => line.includes("running command")));
      await daemon.stop();
      const here = (text: string) => text.replaceAll(daemon.dir, "DIR").replace(/^\[.{16}\] |^<29>.{15} /gm, "");
      const lines = (path: string) => here(readFileSync(path, "utf8")).split("\n").filter(Boolean).filter(isOf08);
      told.push({
        old: lines(`${log}.1`),
        new: lines(log).slice(0, 3), // 0.8 does not end here, because something still runs
        out: daemon.lines().filter(isSaid).slice(0, 6).map(here),
        syslog: daemon.syslog().slice(0, 6).map(here),
      });
    }
    const [judge, ours] = told;
    assert.deepEqual(ours, judge);
    assert.deepEqual(ours!.out.slice(0, 3), [
      "re-reading config file: DIR/knockd.conf",
      "closing log file: DIR/events",
      "re-opening log file: DIR/events",
    ]);
    assert.equal(ours!.new.at(-1), "door: running command: echo open >>$KNOCK_LOG");
  });

  it("any number of signals at once, even right after the start, have the effect of one", async () => {
    const daemon = await start("ours", good);
    for (let i = 0; i < 50; i++) daemon.signal("SIGHUP");
    await daemon.waitFor("re-reading config file");
    for (let i = 0; i < 5; i++) await reload(daemon);
    await knock(7000);
    await daemon.waitFor(() => daemon.commands().length === 1);
    assert.equal(daemon.stderr, "");
    assert.deepEqual(await daemon.stop(), { status: 15, signal: null });
  });

  it("knockd listens on the interface that the config names now, and no longer on the old one", async () => {
    const at = (name: string) =>
      `[options]\nInterface = ${name}\n[door]\nsequence = 7000,7001\ntcpflags = syn\n${run("open")}`;
    const daemon = await start("ours", at("eth0"), []);
    const toItself = () => wire.run("server", [join(repo, "build/judge/usr/bin/knock"), "127.0.0.1", "7000", "7001"]);
    await toItself();
    await knock(7000);
    await daemon.waitFor("10.77.0.2: door: Stage 1");
    await reload(daemon, at("lo"));
    // One capture socket, on the first of all interfaces, which is lo.
    const sockets = () => readFileSync(`/proc/${daemon.pid}/net/packet`, "utf8").split("\n").slice(1, -1);
    await daemon.waitFor(() => sockets().every((line) => line.trim().split(/\s+/)[4] === "1"));
    assert.equal(sockets().length, 1);
    await toItself();
    await daemon.waitFor(() => daemon.commands().length === 1);
    await knock(7001);
    await reload(daemon, at("eth0"));
    await toItself();
    await knock(7001); // the second knock: the door did not change, and its attempt goes on
    await daemon.waitFor(() => daemon.commands().length === 2);
    const events = daemon.lines().filter((line) => /Stage|SESAME/.test(line));
    assert.deepEqual(events, [
      "10.77.0.2: door: Stage 1",
      "127.0.0.1: door: Stage 1",
      "127.0.0.1: door: Stage 2",
      "127.0.0.1: door: OPEN SESAME",
      "10.77.0.2: door: Stage 2",
      "10.77.0.2: door: OPEN SESAME",
    ]);
    await daemon.stop();
  });
});
