// Tests that pgrep, ps, pidof and the files that monit and Nagios read show knockd as they show Debian's knockd, in the
// foreground and with -d.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { scaled } from "../time-limit.ts";
import { kill, needsRoot, repo, Wire } from "./wire.ts";

const PROGRAMS = { judge: "build/judge/usr/sbin/knockd", ours: "dist/src/knockd.js" };
/**
 * The last one is started by the Debian packages' launcher, with this machine's Node, which may be a library or not.
 */
const ALL = ["judge", "ours", "launched"] as const;
type Which = (typeof ALL)[number];

describe("seen from outside", { skip: needsRoot }, () => {
  let wire: Wire;
  const running: number[] = [];
  before(async () => {
    wire = await Wire.open();
    for (const which of ALL) {
      mkdirSync(join(wire.dir, which));
      if (which !== "launched") symlinkSync(join(repo, PROGRAMS[which]), pathOf(which)); // as in /usr/sbin or /usr/local/bin
    }
    const paths = [`-DNODE="${process.execPath}"`, `-DSCRIPT="${join(repo, PROGRAMS.ours)}"`];
    execFileSync("g++", ["-std=c++17", ...paths, "-o", pathOf("launched"), join(repo, "native/launcher.cc")]);
    writeFileSync(join(wire.dir, "conf"), "[door]\nsequence = 7000,7005,7001\n");
  });
  after(() => wire?.close());
  afterEach(() => end());

  const pathOf = (which: Which) => join(wire.dir, which, "knockd");
  const pids = async (...argv: string[]) => {
    const { stdout } = await wire.run("server", argv);
    return stdout.split(/\s+/).filter(Boolean).map(Number);
  };
  /** Empty when it has ended. */
  const wordsOf = (pid: number) => contentOf(`/proc/${pid}/cmdline`).replace(/\0+$/, "").split("\0");

  /** Runs it in the foreground or with -d. Returns the pid of the process that listens. */
  async function start(which: Which, args: readonly string[]): Promise<number> {
    const argv = [pathOf(which), "-i", "eth0", "-c", join(wire.dir, "conf"), ...args];
    if (args.includes("-d")) {
      const file = join(wire.dir, `${which}.pid`);
      rmSync(file, { force: true }); // left by one that was killed
      const { status, stderr } = await wire.run("server", [...argv, "-p", file]);
      assert.equal(status, 0, stderr);
      for (const end = Date.now() + scaled(10_000); Date.now() < end; await sleep(5)) {
        const pid = Number(contentOf(file));
        if (pid > 1) {
          running.push(pid);
          return pid;
        }
      }
      assert.fail("no pid file");
    }
    const child = wire.spawn("server", argv, { stdio: ["ignore", "pipe", "inherit"] });
    running.push(child.pid!);
    await new Promise((resolve, reject) => {
      child.stdout!.once("data", resolve); // with -v: it listens
      child.once("exit", (status) => reject(new Error(`${which} ended with ${status}`)));
    });
    return child.pid!;
  }

  async function end(): Promise<void> {
    for (const pid of running.splice(0)) {
      kill(pid);
      for (const end = Date.now() + scaled(10_000); wordsOf(pid).join() !== "" && Date.now() < end; ) await sleep(5);
    }
  }

  for (const args of [["-v"], ["-d"], ["-v", "-d"]]) {
    it(`like 0.8 with ${args.join(" ")}: by its short name, and by its command line`, async () => {
      for (const which of ALL) {
        const pid = await start(which, args);
        const path = pathOf(which);
        const more = args.includes("-d") ? ["-p", join(wire.dir, `${which}.pid`)] : [];
        const words = [path, "-i", "eth0", "-c", join(wire.dir, "conf"), ...args, ...more];
        const line = words.join(" ");
        assert.deepEqual(wordsOf(pid), words);
        assert.equal(readFileSync(`/proc/${pid}/comm`, "utf8"), "knockd\n");
        // One process, whichever program looks.
        assert.deepEqual(await pids("pgrep", "-f", `^${path}`), [pid]);
        assert.deepEqual(await pids("pgrep", "-f", `^${path} -i eth0 .*${args.at(-1)}`), [pid]);
        assert.deepEqual(await pids("pgrep", "-f", `^${path} .*${words.at(-1)}$`), [pid]);
        assert.deepEqual(await pids("pgrep", "-x", "-f", line), [pid]);
        for (const argv of [
          ["pgrep", "-x", "knockd"],
          ["ps", "-C", "knockd", "-o", "pid="],
          ["pidof", "knockd"],
        ])
          assert.ok((await pids(...argv)).includes(pid), argv.join(" "));
        const ps = await wire.run("server", ["ps", "-o", "args=", "-ww", "-p", `${pid}`]);
        assert.equal(ps.stdout, `${line}\n`);
        await end();
      }
    });
  }

  it("with a command line of any length, and with empty arguments", async () => {
    const long = Array.from({ length: 20_000 }, () => "-v");
    for (const args of [long, [...long, "-d"], ["-v", "-g", "", "-l", ""]])
      for (const which of ["ours", "launched"] as const) await seenWith(which, args);

    async function seenWith(which: Which, args: readonly string[]): Promise<void> {
      const pid = await start(which, args);
      const begin = [pathOf(which), "-i", "eth0", "-c", join(wire.dir, "conf"), ...args.filter((arg) => arg !== "")];
      assert.deepEqual(
        wordsOf(pid)
          .filter((word) => word !== "")
          .slice(0, begin.length),
        begin,
      );
      await end();
    }
  });

  it("started by a relative path, with options of Node, the second process too", async () => {
    const file = join(wire.dir, "ours.pid");
    const args = ["-d", "-i", "eth0", "-c", join(wire.dir, "conf"), "-p", file];
    const shell = 'cd "$0" && exec "$@"';
    const node = [process.execPath, "--max-old-space-size=200", "--require", "node:fs"];
    const { status, stderr } = await wire.run("server", ["sh", "-c", shell, wire.dir, ...node, "ours/knockd", ...args]);
    assert.equal(status, 0, stderr);
    const pid = Number(contentOf(file));
    running.push(pid);
    assert.deepEqual(wordsOf(pid), ["ours/knockd", ...args]);
  });
});

function contentOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
