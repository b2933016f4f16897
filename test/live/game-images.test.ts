// Tests configs like those of container images that wake a paused game server (test/images/), started as the images
// start knockd: as user 1000 with only CAP_NET_RAW, with /dev/null as the log, and a /run that only root can write to.
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { until } from "../time-limit.ts";
import { kill, needsRoot, repo, Wire } from "./wire.ts";

const USER = 1000;
const CAPABILITY = ["--inh-caps", "--ambient-caps", "--bounding-set"].map((option) => `${option}=-all,+net_raw`);
const AS_USER = ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups", ...CAPABILITY];

describe("a game server's image", { skip: needsRoot }, () => {
  let wire: Wire;
  let home = "";
  let sourcePort = 30_000;
  before(async () => {
    wire = await Wire.open();
    chmodSync(wire.dir, 0o755);
    mkdirSync(join(wire.dir, "bin"));
    const script = `#!/bin/sh\necho "$(id -u) $*" >>${join(wire.dir, "home/thawed")}\n`;
    writeFileSync(join(wire.dir, "bin/thaw"), script, { mode: 0o755 });
    symlinkSync(join(repo, "dist/src/knockd.js"), join(wire.dir, "bin/knockd"));
    home = join(wire.dir, "home");
    mkdirSync(home);
    chownSync(home, USER, USER);
  });
  afterEach(async () => {
    for (const pid of daemons()) kill(pid);
    await until(() => daemons().length === 0, 10_000, 20);
    writeFileSync(join(home, "thawed"), "");
    chownSync(join(home, "thawed"), USER, USER);
  });
  after(() => wire?.close());

  /** Without a pid file, only the process list shows them. */
  function daemons(): number[] {
    const words = (pid: string) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return ""; // it has ended
      }
    };
    const all = readdirSync("/proc").filter((name) => Number(name) > 0 && words(name).includes(home));
    return all.map(Number);
  }

  function config(image: string, link = "eth0"): string {
    const path = join(home, `${image}-${link}.cfg`);
    const text = readFileSync(join(repo, "test/images", `${image}.cfg`), "utf8");
    writeFileSync(path, text.replaceAll("@dir@", wire.dir).replaceAll("@interface@", link));
    return path;
  }

  async function start(...args: string[]): Promise<void> {
    const env = { PATH: `${join(wire.dir, "bin")}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: home };
    const { status, stdout, stderr } = await wire.run(
      "server",
      [...AS_USER, process.execPath, join(wire.dir, "bin/knockd"), ...args],
      { env },
    );
    assert.deepEqual([status, stderr], [0, ""]);
    if (!args.includes("-D")) assert.equal(stdout, "");
  }

  /** A TCP SYN, retransmitted as often as a system does, or as many UDP packets of one socket. */
  async function connect(port: number, protocol: "tcp" | "udp", times = 3): Promise<void> {
    const segment = { from: wire.client, to: wire.server, protocol, port, sourcePort: ++sourcePort, seq: sourcePort };
    await wire.send(Array.from({ length: times }, (_, i) => ({ at: 0.05 * i, frame: frame(segment) })));
  }

  const thawed = () =>
    existsSync(join(home, "thawed")) ? readFileSync(join(home, "thawed"), "utf8").split("\n").slice(0, -1) : [];
  async function expect(...lines: string[]): Promise<void> {
    await until(() => thawed().length >= lines.length, 10_000, 20);
    assert.deepEqual(
      thawed(),
      lines.map((line) => `${USER} ${line}`),
    );
  }

  for (const debug of [[], ["-D"]]) {
    it(`for Minecraft: needs no pid file, and each player's connection wakes the server once ${debug}`, async () => {
      assert.equal((await wire.run("server", [...AS_USER, "test", "-w", "/run"])).status, 1);
      await start("-c", config("minecraft"), "-d", "-i", "eth0", ...debug);
      await connect(25565, "tcp");
      await expect(wire.client);
      await connect(19132, "udp");
      await expect(wire.client, wire.client);
      await connect(25565, "tcp");
      await connect(19132, "udp"); // the cooldown is not over
      await expect(...Array(3).fill(wire.client));
      await connect(25575, "tcp");
      await expect(...Array(3).fill(wire.client), "console");
    });
  }

  it("for Palworld: runs one daemon per interface, which is stopped with SIGKILL and started again", async () => {
    const pidFile = (link: string) => join(home, `${link}.pid`);
    const startAt = (link: string) =>
      start("-d", "-D", "-v", "-i", link, "-p", pidFile(link), "-c", config("palworld", link));
    for (const round of [1, 2]) {
      for (const link of ["eth0", "lo"]) await startAt(link);
      await connect(8211, "udp", 20);
      await expect(`player ${wire.client} at eth0`);
      await wire.run("server", ["nc", "-z", "127.0.0.1", "25575"]);
      await expect(`player ${wire.client} at eth0`, "console 127.0.0.1 at lo");
      const running = (await wire.run("server", ["pidof", "knockd"])).stdout.trim().split(" ").map(Number);
      for (const link of ["eth0", "lo"]) {
        const pid = Number(readFileSync(pidFile(link), "utf8"));
        assert.ok(running.includes(pid), `pidof knockd: ${running}, round ${round}`);
        kill(pid);
        await until(() => !existsSync(`/proc/${pid}`), 10_000, 20);
        writeFileSync(join(home, "thawed"), "");
      }
    }
  });

  it("with a fork's directives and option: everyone waits during the cooldown", async () => {
    await start("-c", config("fork"), "-d", "-s", "-i", "eth0");
    for (let i = 0; i < 3; i++) await connect(27015, "udp", 5);
    const other = { from: "10.77.0.3", to: wire.server, protocol: "udp", port: 27015 } as const;
    await wire.send([{ at: 0, frame: frame(other) }]);
    await expect(wire.client);
  });
});
