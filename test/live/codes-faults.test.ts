// Tests codes when something is wrong: the disk of their state, the clock, a second daemon. No code counts twice.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { CONFIG, client, knocks, ports, quietWindow, UNUSED } from "./code-clients.ts";
import { Daemon, type StartOptions } from "./daemon.ts";
import { FAULTS, startOnDisk } from "./failing-disk.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const SNIFFER = "10.77.0.9";
const ARGS = ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v"];
const YEAR_WINDOWS = (365 * 86_400) / 30;

describe("codes", { skip: needsRoot }, () => {
  let wire: Wire;
  const running: Daemon[] = [];
  let clocks = 0;

  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop("SIGKILL");
  });

  async function start(config: string, files: Record<string, string>, options: StartOptions = {}): Promise<Daemon> {
    const all = { ...options, files: { "clients.json": UNUSED, ...files } };
    const daemon = await Daemon.start(wire, "ours", config, ARGS, all);
    running.push(daemon);
    return daemon;
  }
  const send = (from: string, to: readonly number[]) => wire.send(knocks(wire, from, to));
  const opened = (daemon: Daemon, count: number) => daemon.waitFor(() => daemon.commands().length >= count);
  async function knockctl(daemon: Daemon, ...args: string[]): Promise<string> {
    const argv = [process.execPath, join(repo, "dist/src/knockctl.js"), ...args, "-c", daemon.configPath];
    const { status, stdout, stderr } = await wire.run("server", argv);
    assert.equal(status, 0, stderr);
    return stdout;
  }

  /** A wall clock for the daemon alone (libfaketime), which `set` moves: "+1y". */
  function clock(): { env: Record<string, string>; set: (offset: string) => void } {
    const file = join(wire.dir, `clock${++clocks}`);
    const set = (offset: string) => writeFileSync(file, `${offset}\n`);
    set("+0");
    const env = {
      LD_PRELOAD: "/usr/$LIB/faketime/libfaketime.so.1",
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
    return { env, set };
  }

  for (const { what, words, begin, end } of FAULTS) {
    it(`open if the disk with their state is ${what}, except those of a list, and still count once`, async () => {
      const text = client(1) + client(2) + client(3, "kind = list");
      const config = CONFIG.replaceAll("@dir@", "@disk@").replace("[options]", "[options]\n  UseSyslog");
      const disk = await startOnDisk(wire, config, { clients: text, "clients.json": UNUSED }, { args: ARGS });
      const { daemon, path } = disk;
      running.push(daemon);
      await begin(disk);
      await quietWindow();
      for (const name of ["c1", "c2"]) await send(wire.client, ports(text, name));
      await opened(daemon, 2);
      await send(wire.client, ports(text, "c3", 3));
      await daemon.waitFor(() => daemon.stderr.includes("codes: code of c3 refused: cannot record that it was used"));
      await send(SNIFFER, ports(text, "c1"));
      await daemon.waitFor(`${SNIFFER}: codes: code of c1 was already used by ${wire.client}: replay`);
      assert.deepEqual(daemon.commands(), [`c1 ${wire.client}`, `c2 ${wire.client}`]);
      const why = `${disk.name}/clients.json: ${words}: used codes count again after a restart`;
      assert.equal(daemon.stderr.split(why).length - 1, 1, daemon.stderr);
      assert.equal(readFileSync(join(path, "clients.json"), "utf8"), UNUSED);
      assert.deepEqual(
        readdirSync(path).filter((name) => name.startsWith(".")),
        [],
        "no half-written file is left",
      );

      await end(disk);
      await send(wire.client, ports(text, "c3", 4));
      await opened(daemon, 3);
      const state = JSON.parse(readFileSync(join(path, "clients.json"), "utf8"));
      assert.equal(state.clients.c3.counter, 4);
      assert.equal(state.clients.c1.from, wire.client, "what was used while the disk was broken");
    });
  }

  it("do not count again if the clock is set a year ahead and back, with a kill in between", async () => {
    const text = client(1);
    const { env, set } = clock();
    const daemon = await start(CONFIG, { clients: text }, { env });
    const used = ports(text, "c1");
    await send(wire.client, used);
    await opened(daemon, 1);
    set("+1y");
    await send(SNIFFER, used);
    await daemon.waitFor(`${SNIFFER}: codes: wrong code for c1`);
    await send(wire.client, ports(text, "c1", YEAR_WINDOWS));
    await opened(daemon, 2);
    set("+0");
    await send(SNIFFER, used);
    const ahead = "codes: code of c1 refused: a later one was used while a clock was ahead";
    await daemon.waitFor(`${SNIFFER}: ${ahead}`);
    await daemon.stop("SIGKILL");

    const again = await start(CONFIG.replaceAll("@dir@", daemon.dir), {});
    assert.match(again.stdout + again.stderr, /client c1: a code of \d{4}-.* was used, and none before counts/);
    await send(wire.client, ports(text, "c1"));
    await again.waitFor(`${wire.client}: ${ahead}`);
    await knockctl(again, "client", "reset", "c1");
    await send(SNIFFER, used);
    await again.waitFor(() => again.stdout.includes(`${SNIFFER}: codes: code of c1 was already used: replay`));
    assert.deepEqual(again.commands(), []);
    await send(wire.client, ports(text, "c1", 1));
    await opened(again, 1);
  });

  it("do not count again if the clock is set a year back and forth", async () => {
    const text = client(1);
    const { env, set } = clock();
    const daemon = await start(CONFIG, { clients: text }, { env });
    const used = ports(text, "c1");
    await send(wire.client, used);
    await opened(daemon, 1);
    set("-1y");
    for (const [i, old] of [used, ports(text, "c1", -YEAR_WINDOWS)].entries()) {
      await send(SNIFFER, old);
      await daemon.waitFor(() => daemon.stdout.split(`${SNIFFER}: codes: Stage 3`).length === i + 2);
    }
    set("+0");
    await send(SNIFFER, used);
    await daemon.waitFor(`${SNIFFER}: codes: code of c1 was already used by ${wire.client}: replay`);
    assert.deepEqual(daemon.commands(), [`c1 ${wire.client}`]);
    await send(wire.client, ports(text, "c1", 1));
    await opened(daemon, 2);
  });

  it("count once at each of two daemons with separate states", async () => {
    const text = client(1);
    const both = [await start(CONFIG, { clients: text }), await start(CONFIG, { clients: text })];
    await quietWindow();
    const code = ports(text, "c1");
    await send(wire.client, code);
    for (const daemon of both) await opened(daemon, 1);
    await send(SNIFFER, code);
    for (const daemon of both) await daemon.waitFor(`code of c1 was already used by ${wire.client}: replay`);
    assert.deepEqual(
      both.flatMap((daemon) => daemon.commands()),
      [`c1 ${wire.client}`, `c1 ${wire.client}`],
    );
  });

  it("close their door at a replay with On_Replay = close, and keep it open with log", async () => {
    const door = `\n  start_command = echo open %CLIENT% %IP% >>$KNOCK_LOG
  cmd_timeout = 600
  stop_command = echo close %CLIENT% %IP% >>$KNOCK_LOG\n`;
    for (const [word, expected] of [
      ["close", [`open c1 ${wire.client}`, `close c1 ${wire.client}`]],
      ["log", [`open c1 ${wire.client}`]],
    ] as const) {
      const text = client(1);
      const config = CONFIG.replace(/\n *command.*\n/, door).replace("[codes]", `[codes]\n  On_Replay = ${word}`);
      const daemon = await start(config, { clients: text });
      await quietWindow();
      const code = ports(text, "c1");
      await send(wire.client, code);
      await opened(daemon, 1);
      await send(SNIFFER, code);
      await daemon.waitFor(`${SNIFFER}: codes: code of c1 was already used by ${wire.client}: replay`);
      await opened(daemon, expected.length);
      assert.match(
        await knockctl(daemon, "doors"),
        word === "log" ? new RegExp(wire.client) : /DOOR(?!.*10\.77\.0\.2)/s,
      );
      assert.deepEqual(daemon.commands(), expected);
      await daemon.stop("SIGKILL");
    }
  });

  it("of 100 clients open in all windows, and the kernel's filter is not changed once in an hour", async () => {
    const text = Array.from({ length: 100 }, (_, i) => client(i)).join("");
    const { env, set } = clock();
    // With Max_Strays, an attempt widens the filter. Here only a new window could change it.
    const config = CONFIG.replace("[codes]", "[codes]\n  Max_Strays = 0\n  Code_Hold = 0");
    const daemon = await start(config, { clients: text }, { env });
    const trace = join(daemon.dir, "trace");
    const argv = ["strace", "-f", "-e", "trace=setsockopt", "-o", trace, "-p", `${daemon.pid}`];
    const strace = wire.spawn("server", argv, { stdio: ["ignore", "ignore", "pipe"] });
    await new Promise((resolve) => strace.stderr!.once("data", resolve));
    const filters = () => readFileSync(trace, "utf8").split("SO_ATTACH_FILTER").length - 1;
    for (let minutes = 2; minutes <= 60; minutes += 2) {
      set(`+${minutes}m`);
      await send(wire.client, ports(text, `c${minutes}`, 2 * minutes));
      await opened(daemon, minutes / 2);
    }
    // The number of openings is written a little later. A kill before that would lose it.
    const state = () => JSON.parse(readFileSync(join(daemon.dir, "clients.json"), "utf8"));
    await daemon.waitFor(() => state().clients.c60?.openings === 1, 12_000);
    assert.equal(filters(), 0);
    writeFileSync(join(daemon.dir, "clients"), text + client(100));
    daemon.signal("SIGHUP");
    await daemon.waitFor(() => filters() > 0);
    strace.kill();
  });
});
