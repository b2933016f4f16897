// Tests doors that need no command, with the real kernel and the real nft: who gets in, who does not, and for how long.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { until } from "../time-limit.ts";
import { Daemon } from "./daemon.ts";
import { connect, elements, keys, knock, nft, serve } from "./gate-wire.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const SSH = "[openSSH]\nsequence = 7000,8000,9000\nopen = tcp/22\n";
const OTHER = "10.77.0.3";
const KNOCKS = [7000, 8000, 9000];
const OPENED = "10.77.0.2: openSSH: opened tcp/22 for 30 seconds";

describe("a door that the kernel opens", { skip: needsRoot }, () => {
  let wire: Wire;

  before(async () => {
    wire = await Wire.open();
    await wire.run("client", ["ip", "address", "add", `${OTHER}/24`, "dev", "eth0"]);
    await wire.run("client", ["ip", "address", "add", "fd77::3/64", "dev", "eth0", "nodad"]);
    await serve(wire, [22, 80, 6005]);
  });
  after(() => wire?.close());

  const started: Daemon[] = [];
  // A test that fails leaves nothing to the next one.
  afterEach(async () => {
    for (const daemon of started.splice(0)) await daemon.stop();
    for (const table of ["knockd", "user"]) await wire.run("server", ["nft", "delete", "table", "inet", table]);
  });

  /** `dir` is the directory of the daemon whose config this one has. */
  async function start(config: string, dir?: string): Promise<Daemon> {
    const daemon = await Daemon.start(wire, "ours", config, undefined, dir ? { dir } : {});
    started.push(daemon);
    return daemon;
  }

  /** Ends the daemon, and removes the gate. */
  async function end(daemon: Daemon): Promise<void> {
    await daemon.stop();
    await wire.run("server", ["nft", "delete", "table", "inet", "knockd"]);
  }

  async function reload(daemon: Daemon, config: string): Promise<void> {
    writeFileSync(daemon.configPath, config);
    const before = daemon.stdout.split("re-reading config file").length;
    daemon.signal("SIGHUP");
    await daemon.waitFor(() => daemon.stdout.split("re-reading config file").length > before);
  }

  const knockctl = (daemon: Daemon, ...args: string[]) =>
    wire.run("server", [process.execPath, join(repo, "dist/src/knockctl.js"), ...args, "-c", daemon.configPath]);

  it("creates nothing in the kernel, and no netlink socket, if no door needs it", async () => {
    const daemon = await start("[openSSH]\nsequence = 7000\ncommand = true\n");
    const { stdout } = await wire.run("server", ["nft", "list", "ruleset"]);
    assert.equal(stdout, "");
    const NETFILTER = "12";
    const sockets = readFileSync(`/proc/${daemon.pid}/net/netlink`, "utf8").split("\n").slice(1);
    const columns = sockets.map((line) => line.trim().split(/\s+/));
    assert.deepEqual(
      columns.filter(([, protocol, port]) => protocol === NETFILTER && port !== "0"), // 0: the kernel's own
      [],
    );
    await end(daemon);
  });

  it("admits a client that knocked, refuses others immediately, and closes on time", async () => {
    const daemon = await start(`${SSH}for = 2s\n`);
    assert.deepEqual(await keys(wire, "guarded"), ["tcp 22"]);
    assert.equal(await connect(wire, 22), "refused");
    assert.equal(await connect(wire, 80), "in");
    await knock(wire, KNOCKS);
    await daemon.waitFor("10.77.0.2: openSSH: opened tcp/22 for 2 seconds");
    const [open] = (await elements(wire, "open4"))!;
    assert.equal(open!.key, "10.77.0.2 tcp 22");
    assert.equal(open!.comment, "openSSH");
    assert.equal(await connect(wire, 22), "in");
    assert.equal(await connect(wire, 22, { from: OTHER }), "refused");
    await daemon.waitFor("10.77.0.2: openSSH: closed");
    assert.deepEqual(await keys(wire, "open4"), []);
    assert.equal(await connect(wire, 22), "refused");
    assert.deepEqual(daemon.lines(), [
      "10.77.0.2: openSSH: Stage 1",
      "10.77.0.2: openSSH: Stage 2",
      "10.77.0.2: openSSH: Stage 3",
      "10.77.0.2: openSSH: OPEN SESAME",
      "10.77.0.2: openSSH: opened tcp/22 for 2 seconds",
      "10.77.0.2: openSSH: closed",
    ]);
    await end(daemon);
  });

  it("answers nothing with Gate_Reply = drop", async () => {
    const daemon = await start(`[options]\nGate_Reply = drop\n${SSH}`);
    assert.equal(await connect(wire, 22), "silence");
    await end(daemon);
  });

  it("admits this host itself, and the networks of Gate_Allow", async () => {
    const daemon = await start(`[options]\nGate_Allow = ${OTHER}, fd77::3\n${SSH}`);
    assert.equal(await connect(wire, 22, { from: OTHER }), "in");
    assert.equal(await connect(wire, 22), "refused");
    assert.equal(await connect(wire, 22, { from: "fd77::3" }), "in");
    assert.equal(await connect(wire, 22, { from: wire.client6 }), "refused");
    for (const own of ["127.0.0.1", wire.server]) {
      const { status } = await wire.run("server", ["nc", "-z", "-w", "1", own, "22"]);
      assert.equal(status, 0, own);
    }
    await end(daemon);
  });

  it("admits an IPv6 client, and with Open_Prefix_6 its whole network", async () => {
    const daemon = await start(`${SSH}[net]\nsequence = 7001,8001,9001\nopen = tcp/80\nopen_prefix_6 = 64\n`);
    await knock(wire, KNOCKS, wire.client6);
    await daemon.waitFor("fd77::2: openSSH: opened tcp/22");
    assert.equal(await connect(wire, 22, { from: wire.client6 }), "in");
    assert.equal(await connect(wire, 22, { from: "fd77::3" }), "refused");
    await knock(wire, [7001, 8001, 9001], wire.client6);
    await daemon.waitFor("fd77::2: net: opened tcp/80");
    assert.equal(await connect(wire, 80, { from: "fd77::3" }), "in");
    assert.deepEqual(await keys(wire, "open6_64"), ["fd77:: tcp 80"]);
    await end(daemon);
  });

  it("opens a range of ports", async () => {
    const daemon = await start("[many]\nsequence = 7000,8000,9000\nopen = tcp/6000-6010,udp/60000-61000\n");
    assert.equal(await connect(wire, 6005), "refused");
    await knock(wire, KNOCKS);
    await daemon.waitFor("10.77.0.2: many: opened tcp/6000-6010,udp/60000-61000 for 30 seconds");
    assert.equal(await connect(wire, 6005), "in");
    assert.deepEqual(await keys(wire, "ranges4"), ["10.77.0.2 tcp 6000-6010", "10.77.0.2 udp 60000-61000"]);
    await end(daemon);
  });

  it("extends its time at another knock, and never shortens it", async () => {
    const daemon = await start(SSH);
    await knock(wire, KNOCKS);
    await daemon.waitFor(OPENED);
    assert.equal(await connect(wire, 22), "in");
    await until(async () => (await elements(wire, "open4"))![0]!.expires! < 29, 5000);
    await knock(wire, KNOCKS);
    await daemon.waitFor("10.77.0.2: openSSH: extended tcp/22 for 30 seconds");
    const [renewed] = (await elements(wire, "open4"))!;
    assert.ok(renewed!.expires! >= 28, `${renewed!.expires}`);
    assert.equal(renewed!.packets, 1, "its use is not forgotten");
    assert.equal((await knockctl(daemon, "extend", "openSSH", wire.client, "100")).status, 0);
    await knock(wire, KNOCKS);
    await daemon.waitFor(() => daemon.stdout.split("extended tcp/22").length === 3);
    assert.ok((await elements(wire, "open4"))![0]!.expires! > 100);
    await end(daemon);
  });

  it("runs its command after the port is open, with a separate timeout", async () => {
    const daemon = await start(
      `${SSH}start_command = echo start >>$KNOCK_LOG\nstop_command = echo stop >>$KNOCK_LOG\ncmd_timeout = 1\n`,
    );
    await knock(wire, KNOCKS);
    await daemon.waitFor(() => daemon.commands().length === 2);
    const lines = daemon.lines();
    const at = (text: string) => lines.findIndex((line) => line.includes(text));
    assert.ok(at("OPEN SESAME") < at("opened tcp/22") && at("opened tcp/22") < at("running command: echo start"));
    assert.deepEqual(await keys(wire, "open4"), ["10.77.0.2 tcp 22"]);
    assert.ok(!daemon.stdout.includes("openSSH: closed"));
    await end(daemon);
  });

  it("is listed, opened, extended and closed by hand, and shows whether it was used", async () => {
    const daemon = await start(SSH);
    assert.equal((await knockctl(daemon, "open", "openSSH", wire.client)).status, 0);
    assert.equal(await connect(wire, 22), "in");
    const { left, ...rest } = await openAnswer();
    assert.deepEqual(rest, { door: "openSSH", ip: wire.client, uses: 1 });
    assert.ok(left > 20 && left <= 30, `${left}`);
    assert.equal((await knockctl(daemon, "extend", "openSSH", wire.client, "60")).status, 0);
    assert.ok((await openAnswer()).left > 60);
    assert.equal((await knockctl(daemon, "close", "openSSH", wire.client)).status, 0);
    assert.equal(await connect(wire, 22), "refused");
    assert.equal((await knockctl(daemon, "close", "openSSH", wire.client)).status, 1);
    assert.match(daemon.stdout, /opened by hand\n(.*\n)*.*extended by 60 seconds by hand\n(.*\n)*.*closed by hand\n/);
    await end(daemon);

    async function openAnswer() {
      const { stdout } = await knockctl(daemon, "doors", "--json");
      const answers = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      const { door, ip, left, uses } = answers.find((one) => one.type === "open");
      return { door, ip, left, uses };
    }
  });

  it("stays open if the daemon is killed, and the next one takes it over, with its time and use", async () => {
    const killed = await start(SSH);
    await knock(wire, KNOCKS);
    await killed.waitFor(OPENED);
    assert.equal(await connect(wire, 22), "in");
    await killed.stop("SIGKILL");
    assert.equal(await connect(wire, 22), "in");
    assert.equal(await connect(wire, 22, { from: OTHER }), "refused");
    const daemon = await start(SSH, killed.dir);
    assert.match(daemon.stdout, /1 door is still open from an earlier run/);
    const [open] = (await elements(wire, "open4"))!;
    assert.equal(open!.comment, "openSSH");
    assert.ok(open!.packets === 2 && open!.expires! < 30, JSON.stringify(open));
    assert.equal((await knockctl(daemon, "close", "openSSH", wire.client)).status, 0);
    await end(daemon);
  });

  it("is closed when the daemon ends, unless On_Exit = keep; the gate stays", async () => {
    for (const [how, left] of [
      ["close", []],
      ["keep", ["10.77.0.2 tcp 22"]],
    ] as const) {
      const daemon = await start(`[options]\nOn_Exit = ${how}\n${SSH}`);
      await knock(wire, KNOCKS);
      await daemon.waitFor(OPENED);
      await daemon.stop();
      assert.deepEqual(await keys(wire, "open4"), left);
      assert.equal(daemon.stdout.includes("10.77.0.2: openSSH: closed"), how === "close");
      assert.equal(await connect(wire, 22, { from: OTHER }), "refused");
      await end(daemon);
    }
  });

  it("is changed by a reload only if it differs, and closes when it is removed", async () => {
    const web = "[web]\nsequence = 7001,8001,9001\nopen = tcp/80\n";
    const command = "[other]\nsequence = 7002\ncommand = true\n"; // otherwise knockd gives up commands for good
    const daemon = await start(SSH + web + command);
    await knock(wire, KNOCKS);
    await knock(wire, [7001, 8001, 9001]);
    await daemon.waitFor("web: opened tcp/80");
    await reload(daemon, web + command);
    await until(async () => `${await keys(wire, "open4")}` === "10.77.0.2 tcp 80", 5000);
    assert.deepEqual(await keys(wire, "open4"), ["10.77.0.2 tcp 80"]);
    assert.deepEqual(await keys(wire, "guarded"), ["tcp 80"]);
    assert.equal(await connect(wire, 22, { from: OTHER }), "in");
    await reload(daemon, command);
    await until(async () => (await keys(wire, "open4")) === undefined, 5000);
    assert.equal(await connect(wire, 80, { from: OTHER }), "in");
    await end(daemon);
  });

  it("is removed at the next start if the config has no built-in door any more, or uses the user's sets", async () => {
    await nft(
      wire,
      `table inet user {
        set u4 { type ipv4_addr . inet_proto . inet_service; flags timeout; };
        set u6 { type ipv6_addr . inet_proto . inet_service; flags timeout; };
      }`,
    );
    for (const next of [
      "[web]\nsequence = 7001\ncommand = true\n",
      `[options]\nFirewall = set inet user u4 u6\n${SSH}`,
    ]) {
      const first = await start(SSH);
      await first.stop("SIGKILL");
      assert.equal(await connect(wire, 22), "refused");
      const daemon = await start(next, first.dir);
      assert.equal(await connect(wire, 22), "in", next);
      assert.equal(await keys(wire, "guarded"), undefined);
      await daemon.stop();
      const again = await start(next, first.dir);
      await again.stop();
      assert.doesNotMatch(daemon.stdout + again.stdout, /firewall: /);
    }
    await nft(wire, "delete table inet user");
  });

  it("keeps its ports closed if the config is an empty file, at a reload and at a start", async () => {
    const daemon = await start(SSH);
    await reload(daemon, "\n");
    const kept = "the config is an empty file: ports that were closed stay closed";
    await daemon.waitFor(() => daemon.stderr.includes(kept));
    assert.equal(await connect(wire, 22), "refused");
    await daemon.stop();
    const next = await start("", daemon.dir);
    await next.waitFor(() => next.stderr.includes(kept));
    assert.equal(await connect(wire, 22), "refused");
    assert.equal(
      (await wire.run("server", [process.execPath, join(repo, "dist/src/knockctl.js"), "gate", "open"])).status,
      0,
    );
    assert.equal(await connect(wire, 22), "in");
    await next.stop();
  });

  it("is not affected by a flush of root", async () => {
    const daemon = await start(SSH);
    await knock(wire, KNOCKS);
    await daemon.waitFor(OPENED);
    await nft(wire, "flush ruleset\n");
    // Before Linux 6.9 it is removed, and built again: backstop.test.ts.
    await until(async () => `${await keys(wire, "open4")}` === "10.77.0.2 tcp 22", 5000);
    assert.deepEqual(await keys(wire, "open4"), ["10.77.0.2 tcp 22"]);
    const [major = 0, minor = 0] = release().split(".").map(Number);
    if (major > 6 || (major === 6 && minor >= 9)) assert.ok(!daemon.stderr.includes("the table was removed"));
    await end(daemon);
  });

  it("refuses to use another program's table, and leaves it unchanged", async () => {
    await nft(wire, "table inet knockd { set open4 { type ipv4_addr . inet_service; }; }\n");
    await assert.rejects(start(SSH), /did not make\nTo remove it: nft delete table inet knockd/);
    assert.deepEqual(await keys(wire, "open4"), []);
    await nft(wire, "delete table inet knockd\n");
  });

  it("reports that it needs CAP_NET_ADMIN, and needs no other privilege except to listen", async () => {
    const caps = (list: string) => [
      "setpriv",
      "--reuid",
      "65534",
      "--clear-groups",
      "--inh-caps",
      list,
      "--ambient-caps",
      list,
      "--bounding-set",
      list,
    ];
    const config = `[options]\nStateFile = /tmp/none-${process.pid}\n${SSH}`;
    const as = (list: string) =>
      Daemon.start(wire, "ours", config, undefined, {
        by: ["sh", "-c", 'chmod 755 .. . && chmod 644 knockd.conf && exec "$@"', "sh", ...caps(list)],
      });
    await assert.rejects(as("+net_raw"), /CAP_NET_ADMIN/);
    const daemon = await as("+net_raw,+net_admin");
    await knock(wire, KNOCKS);
    await daemon.waitFor(OPENED);
    assert.equal(await connect(wire, 22), "in");
    await end(daemon);
  });
});
