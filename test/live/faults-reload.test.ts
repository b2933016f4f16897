// Tests SIGHUP with a config that can't be read, and many SIGHUPs: the old config and everything under way continue.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../frame.ts";
import { scaled } from "../time-limit.ts";
import { Daemon, type StartOptions } from "./daemon.ts";
import { held } from "./heap.ts";
import { needsRoot, Wire } from "./wire.ts";

const ARGS = ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v"];
/** As under the packaged unit: root can read only what its file permissions allow. */
const BY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
const door = (word: string) => `[door]\nsequence = 7000:udp\ncommand = echo ${word} >>$KNOCK_LOG\n`;
const STORM = 500;

describe("at SIGHUP", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;
  const running: Daemon[] = [];

  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop();
  });

  async function start(config: string, options: StartOptions = {}): Promise<Daemon> {
    const daemon = await Daemon.start(wire, "ours", config, ARGS, options);
    running.push(daemon);
    return daemon;
  }
  const packet = (port: number, from = wire.client) =>
    frame({ from, to: wire.server, protocol: "udp", port, sourcePort: 20_000 + ++sequence });
  const knock = (port: number) => wire.send([{ at: 0, frame: packet(port) }]);

  const unreadable: [what: string, make: (path: string) => void, why: string][] = [
    ["nobody may read", (path) => fs.chmodSync(path, 0), "Permission denied"],
    ["is a directory", (path) => replace(path, () => fs.mkdirSync(path)), "Is a directory"],
    [
      "is a link to nowhere",
      (path) => replace(path, () => fs.symlinkSync("/nowhere", path)),
      "No such file or directory",
    ],
    [
      "is a link to itself",
      (path) => replace(path, () => fs.symlinkSync(path, path)),
      "Too many symbolic links encountered",
    ],
    ["is a link to /dev/zero", (path) => replace(path, () => fs.symlinkSync("/dev/zero", path)), "Not a regular file"],
    ["has 100 MB", (path) => fs.truncateSync(path, 100e6), "Larger than 16 MiB"],
  ];
  for (const [what, make, why] of unreadable) {
    it(`keeps the old config if the new one ${what}, and reads it at the next SIGHUP after that`, async () => {
      const daemon = await start(door("old"), { by: BY });
      make(daemon.configPath);
      await refused(daemon, why);
    });
  }

  it("keeps the old config if the new one is a fifo without a writer, and reads it at the next SIGHUP after that", async () => {
    const daemon = await start(door("old"), { by: BY });
    fs.rmSync(daemon.configPath);
    await wire.run("server", ["mkfifo", daemon.configPath]);
    await refused(daemon, "Not a regular file");
  });

  async function refused(daemon: Daemon, why: string): Promise<void> {
    daemon.signal("SIGHUP");
    await daemon.waitFor(() => daemon.stderr.endsWith("the old configuration stays in force\n"));
    assert.equal(daemon.stderr, `${daemon.configPath}: ${why}\nthe old configuration stays in force\n`);
    await knock(7000);
    await daemon.waitFor(() => daemon.commands().length === 1);
    fs.rmSync(daemon.configPath, { recursive: true });
    fs.writeFileSync(daemon.configPath, door("new"));
    await inForce(daemon);
    assert.deepEqual(daemon.commands().slice(0, 1), ["old"]);
  }

  /** Sends SIGHUP until a knock shows that the config with `echo new` is in use. */
  async function inForce(daemon: Daemon): Promise<void> {
    daemon.signal("SIGHUP");
    for (let i = 0; i < 100 && !daemon.commands().includes("new"); i++) {
      const before = daemon.commands().length;
      await knock(7000);
      await daemon.waitFor(() => daemon.commands().length > before);
    }
    assert.ok(daemon.commands().includes("new"));
  }

  it(`${STORM} times in a second breaks no sequence, leaves no door open, and applies the last config`, async () => {
    const config = (word: string) => `${door(word)}[slow]
sequence = 7001:udp,7002:udp,7003:udp,7004:udp,7005:udp
command = echo slow >>$KNOCK_LOG
[closes]
sequence = 7006:udp
start_command = echo open >>$KNOCK_LOG
cmd_timeout = 0
stop_command = echo close >>$KNOCK_LOG
`;
    const memory = held(wire);
    const daemon = await start(config("old"), { env: memory.env });
    const count = (word: string) => daemon.commands().filter((line) => line === word).length;
    const seen: { descriptors: number; bytes: number }[] = [];
    for (let storm = 1; storm <= 3; storm++) {
      const slowly = Array.from({ length: 5 }, (_, i) => [
        { at: 0.2 * i, frame: packet(7001 + i, "10.77.0.3") },
        { at: 0.2 * i, frame: packet(7006) },
      ]);
      const knocks = wire.send(slowly.flat());
      for (let i = 0; i < STORM; i++) {
        daemon.signal("SIGHUP");
        if (i % 2 === 1) await sleep(3);
      }
      await knocks;
      await daemon.waitFor(() => count("slow") === storm && count("close") === 5 * storm);
      assert.equal(count("open"), 5 * storm);
      await settled(daemon);
      const descriptors = fs.readdirSync(`/proc/${daemon.pid}/fd`).length;
      seen.push({ descriptors, bytes: await memory.ask(daemon) });
    }
    const [first, , last] = seen;
    assert.equal(last!.descriptors, first!.descriptors);
    assert.ok(last!.bytes < 1.02 * first!.bytes, `${first!.bytes} bytes became ${last!.bytes}`);
    fs.writeFileSync(daemon.configPath, config("new"));
    for (let i = 0; i < STORM; i++) daemon.signal("SIGHUP");
    await settled(daemon);
    await knock(7000);
    await daemon.waitFor(() => count("new") + count("old") === 1);
    assert.equal(count("new"), 1);
    assert.equal(daemon.stderr, "");
  });

  it("repeatedly, while the names of a config are looked up, reads it only once more", async () => {
    const etc = `/etc/netns/${wire.namespaces.server}`;
    fs.mkdirSync(etc, { recursive: true });
    fs.writeFileSync(`${etc}/resolv.conf`, "nameserver 10.77.0.66\noptions timeout:1 attempts:1\n"); // no server is there
    try {
      const daemon = await start(door("old"));
      fs.writeFileSync(daemon.configPath, `${door("new")}[far]\nsequence = 7007\ntarget = far.example\n`);
      daemon.signal("SIGHUP");
      await daemon.waitFor("re-reading config file");
      for (let i = 0; i < 20; i++) daemon.signal("SIGHUP");
      await daemon.waitFor(() => daemon.stderr.split("cannot be resolved").length === 3, 10_000);
      await settled(daemon);
      await knock(7000);
      await daemon.waitFor(() => daemon.commands().length === 1);
      assert.deepEqual(daemon.commands(), ["new"]);
      assert.equal(daemon.stdout.split("re-reading config file").length, 3);
    } finally {
      fs.rmSync(etc, { recursive: true, force: true });
    }
  });

  /** No config can be read any more. */
  async function settled(daemon: Daemon): Promise<void> {
    for (let before = -1; before !== daemon.stdout.length; await sleep(scaled(200))) before = daemon.stdout.length;
  }
});

function replace(path: string, make: () => void): void {
  fs.rmSync(path);
  make();
}
