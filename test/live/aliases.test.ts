// Tests other names of an interface: aliases (eth0:0) and alternative names, and names that no interface can have.
// Debian's knockd listens at an alias that exists when it starts, and at no alternative name.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { Daemon, type StartOptions, type Which } from "./daemon.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const BOTH = ["judge", "ours"] as const;
const DOOR = "[door]\nsequence = 7000,7001:udp,7002\ncommand = echo open %IP% >>$KNOCK_LOG\n";
/** Receives the last knock, which shows that everything before it was processed. */
const LAST = "[last]\nsequence = 7009\ntarget = 10.77.0.1\ncommand = echo last >>$KNOCK_LOG\n";
const SYSLOG = "[options]\nUseSyslog\n";

describe("an interface by another name", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;
  const running: Daemon[] = [];

  before(async () => {
    wire = await Wire.open();
    await ip("address", "add", "10.77.0.5/24", "dev", "eth0", "label", "eth0:0");
    await ip("address", "add", "10.77.0.6/24", "dev", "eth0", "label", "eth0:web");
    await ip("link", "property", "add", "dev", "eth0", "altname", "enp3s0");
    await ip("link", "property", "add", "dev", "eth0", "altname", "a-name-of-more-than-15-letters");
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop();
  });

  async function ip(...args: string[]): Promise<void> {
    const { status, stderr } = await wire.run("server", ["ip", ...args]);
    assert.equal(status, 0, `ip ${args.join(" ")}: ${stderr}`);
  }

  async function start(which: Which, args: string[], config: string, options: StartOptions = {}): Promise<Daemon> {
    const given = [...args, "-c", "@dir@/knockd.conf", "-v"];
    const daemon = await Daemon.start(wire, which, config, given, { ready: "listening on ", ...options });
    running.push(daemon);
    return daemon;
  }

  const knock = (to: string, knocks = ["7000", "7001:udp", "7002"]) =>
    wire.send(
      knocks.map((one, i) => {
        const [port, protocol = "tcp"] = one.split(":");
        const from = to.includes(":") ? wire.client6 : wire.client;
        const segment = { from, to, protocol: protocol as "tcp", port: Number(port), seq: ++sequence };
        return { at: i * 0.03, frame: frame(segment) };
      }),
    );
  /**
   * Of all these addresses, the daemon receives knocks at these only: one whole sequence at each opens the door once
   * for each.
   */
  async function receivesAt(daemon: Daemon, all: readonly string[], received: readonly string[]): Promise<void> {
    const opened = () => daemon.commands().filter((line) => line.startsWith("open ")).length;
    const lasts = () => daemon.commands().filter((line) => line === "last").length;
    for (const to of all) {
      const [openedBefore, lastsBefore] = [opened(), lasts()];
      await knock(to);
      if (received.includes(to)) await daemon.waitFor(() => opened() > openedBefore);
      await knock(wire.server, ["7009"]);
      await daemon.waitFor(() => lasts() > lastsBefore);
      assert.equal(opened() - openedBefore, received.includes(to) ? 1 : 0, `knocks at ${to}`);
    }
  }
  const ALL = ["10.77.0.1", "10.77.0.5", "10.77.0.6", "fd77::1"];
  const logged = (daemon: Daemon) => daemon.syslog().join("\n");

  for (const [given, said, addresses] of [
    ["eth0:0", "eth0:0", ["10.77.0.5"]],
    ["eth0:web", "eth0:web", ["10.77.0.6"]],
    ["eth0:later", "eth0:later", []],
  ] as const) {
    it(`${given} captures at the alias's addresses only, as in 0.8, also in the config`, async () => {
      for (const which of BOTH) {
        for (const [args, options] of [
          [["-i", given], ""],
          [[], `Interface = ${given}\n`],
        ] as const) {
          const daemon = await start(which, [...args], `[options]\n${options}${DOOR}${LAST}`);
          assert.match(daemon.stdout, new RegExp(`^listening on ${said}\\.\\.\\.$`, "m"));
          // 0.8 ignores a sequence's first knock while there is an attempt, so each has its own time.
          await receivesAt(daemon, ALL, addresses);
          await daemon.stop();
        }
      }
    });
  }

  it("of several Interface lines takes the first one, as 0.8 does, also in another [options]", async () => {
    for (const which of BOTH) {
      for (const between of ["", "[options]\n"]) {
        const options = `[options]\nInterface =\nInterface = eth0:0\n${between}Interface = eth0:web\n`;
        const daemon = await start(which, [], `${options}${DOOR}${LAST}`);
        assert.match(daemon.stdout, /^listening on eth0:0\.\.\.$/m);
        await daemon.stop();
      }
    }
  });

  for (const [given, said, addresses] of [
    ["eth0:0,eth0:web", "eth0:0, eth0:web", ["10.77.0.5", "10.77.0.6"]],
    ["eth0:*", "eth0:0, eth0:web", ["10.77.0.5", "10.77.0.6"]],
    ["eth*:0", "eth0:0", ["10.77.0.5"]],
    ["eth0:0,eth0", "eth0", ALL],
    ["enp3s0:0", "enp3s0:0", ["10.77.0.5"]],
    ["enp3s0", "enp3s0", ALL],
    ["a-name-of-more-than-15-letters", "a-name-of-more-than-15-letters", ALL],
    ["eth0:0, enp3s0", "eth0", ALL],
  ] as const) {
    it(`${given} captures at ${addresses.join(", ")}, each knock once`, async () => {
      const daemon = await start("ours", ["-i", given], DOOR + LAST);
      assert.match(daemon.stdout, new RegExp(`^listening on ${said}\\.\\.\\.$`, "m"));
      await receivesAt(daemon, ALL, addresses);
    });
  }

  it("an alias added later is captured, and no longer after it was removed", async () => {
    const daemon = await start("ours", ["-i", "eth0:9"], SYSLOG + DOOR + LAST, { syslog: true });
    await ip("address", "add", "10.77.0.9/24", "dev", "eth0", "label", "eth0:9");
    await daemon.waitFor(() => logged(daemon).includes("eth0:9: listening at 10.77.0.9"));
    await receivesAt(daemon, ["10.77.0.9", "10.77.0.1"], ["10.77.0.9"]);
    await ip("address", "del", "10.77.0.9/24", "dev", "eth0");
    await daemon.waitFor(() => logged(daemon).includes("eth0:9: listening at no address yet"));
    await receivesAt(daemon, ["10.77.0.9"], []);
  });

  it("while nothing is captured, self-test and status say what knockd waits for, and exit with 1", async () => {
    const knockctl = async (daemon: Daemon, command: string, ...more: string[]) => {
      const program = [process.execPath, join(repo, "dist/src/knockctl.js")];
      return wire.run("server", [...program, command, "-c", daemon.configPath, ...more]);
    };
    for (const [args, ready, line] of [
      [["-i", "eth0:later"], "listening on eth0:later...", "eth0:later: waiting: it has no address yet"],
      [["-i", "dum7:0", "--wait"], "waiting for dum7:0", "dum7:0: waiting: there is no such interface"],
      [["-i", "eth0:x*"], "waiting for eth0:x*", "eth0:x*: waiting: there is no such interface"],
      [["-i", "nope,eth0:later"], "waiting for nope", "nope: waiting: there is no such interface"],
    ] as const) {
      const daemon = await start("ours", [...args], DOOR, { ready });
      const asked = await knockctl(daemon, "self-test");
      assert.deepEqual([asked.status, asked.stderr], [1, ""]);
      assert.match(asked.stdout, new RegExp(`^ {2}${line.replaceAll("*", "\\*")}$`, "m"));
      assert.equal((await knockctl(daemon, "self-test", "--json")).status, 1);
      assert.equal((await knockctl(daemon, "status")).status, 1);
      await daemon.stop();
    }
    const daemon = await start("ours", ["-i", "eth0:0,eth0:later"], DOOR);
    const asked = await knockctl(daemon, "self-test");
    assert.equal(asked.status, 0);
    assert.match(asked.stdout, /^ {2}eth0:later: waiting: it has no address yet$/m);
    assert.match(asked.stdout, /^eth0:0 +10\.77\.0\.5 +yes$/m);
    assert.equal((await knockctl(daemon, "status")).status, 0);
  });

  it("aliases that match a pattern come and go", async () => {
    const daemon = await start("ours", ["-i", "eth0:new*"], SYSLOG + DOOR + LAST, {
      syslog: true,
      ready: "waiting for eth0:new*",
    });
    await ip("address", "add", "10.77.0.9/24", "dev", "eth0", "label", "eth0:new1");
    await daemon.waitFor(() => logged(daemon).includes("eth0:new1 is there: listening at 10.77.0.9"));
    await knock("10.77.0.9");
    await daemon.waitFor(() => daemon.commands().length === 1);
    await ip("address", "del", "10.77.0.9/24", "dev", "eth0");
    await daemon.waitFor(() => daemon.stderr.includes("eth0:new1 is gone: waiting for it"));
  });

  it("with --wait, an alias and an alternative name wait for their interface", async () => {
    for (const [given, opened, addresses] of [
      ["dum7:0", "dum7:0", "10.77.7.2"],
      ["a-short-altname", "dum7", "10.77.7.1, 10.77.7.2"],
    ] as const) {
      const daemon = await start("ours", ["-i", given, "--wait"], SYSLOG + DOOR, {
        syslog: true,
        ready: `waiting for ${given}`,
      });
      await ip("link", "add", "dum7", "type", "bridge");
      await ip("link", "set", "dum7", "addrgenmode", "none");
      await ip("link", "property", "add", "dev", "dum7", "altname", "a-short-altname");
      await ip("address", "add", "10.77.7.1/32", "dev", "dum7");
      await ip("address", "add", "10.77.7.2/32", "dev", "dum7", "label", "dum7:0");
      await ip("link", "set", "dum7", "up");
      await daemon.waitFor(() => logged(daemon).includes(`${opened} is there: listening at ${addresses}`));
      await ip("link", "del", "dum7");
      await daemon.waitFor(() => daemon.stderr.includes(`${opened} is gone: waiting for it`));
      await daemon.stop();
    }
  });

  for (const name of ["et h", '"eth0"', "eth0 wlan0", "sixteen-letters0", "eth0/1", ".", ":0"]) {
    it(`refuses ${name}, even with --wait: -i with 0.8's message, the config with line and text; status 1`, async () => {
      const run = async (which: Which, args: string[], config: string) => {
        const error = await start(which, args, config, { ready: "waiting for " }).then(
          () => assert.fail(`${which} has started`),
          (refused: Error) => refused.message,
        );
        const [, status, stderr] = /ended with (.*?)\n.*--- stderr\n(.*?)--- commands/s.exec(error) ?? [];
        return { status, stderr };
      };
      const given = await run("judge", ["-i", name], DOOR);
      const inConfig = await run("judge", [], `[options]\nInterface = ${name}\n${DOOR}`);
      assert.deepEqual(await run("ours", ["-i", name, "--wait"], DOOR), given);
      for (const more of [[], ["--wait"], ["--check"]]) {
        const ours = await run("ours", more, `[options]\nInterface = ${name}\n${DOOR}`);
        assert.equal(ours.status, inConfig.status);
        const [, path] = /\((.*): Interface = /.exec(ours.stderr!) ?? [];
        const why = `config: line 2: could not open "${name}": no interface can have this name`;
        assert.equal(ours.stderr, `${why} (${path}: Interface = ${name})\n`);
      }
    });
  }

  it("a reload with such a name is refused, and the old config stays; -i overrides the name", async () => {
    const daemon = await start("ours", [], `[options]\nInterface = eth0\n${DOOR}${LAST}`);
    await wire.run("server", ["sed", "-i", "s/Interface = .*/Interface = et h/", daemon.configPath]);
    daemon.signal("SIGHUP");
    await daemon.waitFor(() => daemon.stderr.includes("the old configuration stays in force"));
    assert.match(daemon.stderr, /^config: line 2: could not open "et h": no interface can have this name /m);
    await receivesAt(daemon, ["10.77.0.1"], ["10.77.0.1"]);
    for (const which of BOTH)
      await start(which, ["-i", "eth0"], `[options]\nInterface = et h\n${DOOR}`, { ready: "listening on eth0..." });
  });
});
