// Tests how each program starts: with too few descriptors it says so in one line, and SIGUSR1 opens no debugger in it.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { needsRoot, repo } from "./live/wire.ts";

const dir = mkdtempSync(join(tmpdir(), "begin-"));
after(() => rmSync(dir, { recursive: true }));
const config = join(dir, "knockd.conf");
writeFileSync(config, "[options]\nInterface = lo\n[a]\nsequence = 4001:udp,9000:udp,3\ncommand = true\n", {
  mode: 0o600,
});

describe("with too few descriptors", () => {
  for (const [name, ...argv] of [
    ["knockd", "--check", "-c", config],
    ["knockctl", "--version"],
  ] as const) {
    it(`${name} starts, or prints one line`, () => {
      const outcomes = { begun: 0, told: 0 };
      // With fewer than about twenty, Node itself does not get as far as reading the program, and it opens dozens of
      // our modules at once.
      for (let limit = 24; limit <= 128; limit += 8) {
        const program = [process.execPath, join(repo, `dist/src/${name}.js`), ...argv];
        const script = `ulimit -n ${limit} && exec "$@"`;
        const { status, stderr } = spawnSync("sh", ["-c", script, "sh", ...program], { encoding: "utf8" });
        if (status === 0) outcomes.begun++;
        else {
          assert.match(stderr, /^\w+: .*[Tt]oo many open files.*\n$|^\S+: Too many open files\n$/, `limit ${limit}`);
          outcomes.told++;
        }
      }
      assert.ok(outcomes.begun > 0 && outcomes.told > 0, JSON.stringify(outcomes));
    });
  }
});

interface Started {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly ended: Promise<unknown>;
}

function start(...argv: readonly string[]): Started {
  const child = spawn(argv[0]!, argv.slice(1), { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding("utf8").on("data", (some) => (said += some));
  return { child, said: () => said, ended: new Promise((resolve) => child.once("close", resolve)) };
}

/** The TCP sockets at which a process listens. */
function listening(pid: number): string[] {
  const inodes = readFileSync(`/proc/${pid}/net/tcp`, "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === "0A")
    .map((fields) => `socket:[${fields[9]}]`);
  const own = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return []; // closed meanwhile
    }
  });
  return own.filter((one) => inodes.includes(one));
}

describe("SIGUSR1 opens no debugger", { skip: needsRoot }, () => {
  const nodes = [18, 20, 22, 24].map((major) => join(repo, `build/nodes/node_modules/n${major}/bin/node`));
  const waiting = [
    { name: "knock", argv: ["-v", "-u", "-d", "60000", "127.0.0.1", "9", "9"], text: "hitting" },
    { name: "knockd", argv: ["-v", "-c", config], text: "listening on" },
  ];
  const early = join(dir, "early.js");
  writeFileSync(early, 'console.log("on"); setTimeout(() => {}, 2000);');
  const [option] = /--inspect-port=[^"]+/.exec(readFileSync(join(repo, "packaging/bundle.js"), "utf8"))!;
  for (const node of nodes.filter((one) => existsSync(one))) {
    const by = node.replace(repo, ".");
    it(`before the first line of a program of the Debian package, by ${by}`, async () => {
      const { child, said, ended } = start(node, option, early);
      while (!said().includes("on")) await sleep(5);
      child.kill("SIGUSR1");
      while (!/Debugger|Starting inspector/.test(said()) && child.exitCode === null) await sleep(5);
      const open = listening(child.pid!);
      await ended;
      assert.deepEqual(open, []);
      assert.match(said(), /failed: address not available/);
      assert.equal(child.exitCode, 0);
    });

    it(`and prints nothing if the address alone is given, by ${by}`, async () => {
      const { child, said, ended } = start(node, option, join(repo, "dist/src/knockd.js"), "-v", "-c", config);
      while (!said().includes("listening on")) await sleep(5);
      for (let i = 0; i < 5; i++) child.kill("SIGUSR1");
      await sleep(500);
      child.kill();
      await ended;
      assert.doesNotMatch(said(), /[Dd]ebugger|inspector/);
    });

    for (const { name, argv, text } of waiting) {
      for (const folder of ["dist/src"]) {
        it(`in ${folder}/${name}.js by ${by}`, { timeout: 60_000 }, async () => {
          const { child, said, ended } = start(node, join(repo, folder, `${name}.js`), ...argv);
          while (!said().includes(text)) await sleep(5);
          for (let i = 0; i < 20; i++) {
            child.kill("SIGUSR1");
            await sleep(1);
          }
          await sleep(500); // a debugger opens a moment after the signal
          const open = listening(child.pid!);
          child.kill();
          await ended;
          assert.deepEqual(open, []);
          assert.doesNotMatch(said(), /Debugger/);
        });
      }
    }

    for (const folder of ["dist/src"]) {
      it(`in ${folder}/knockctl.js by ${by}, when it runs`, async () => {
        const { child, said, ended } = start(node, join(repo, folder, "knockctl.js"), "report", "-");
        // More than a pipe holds, so the program must read.
        await new Promise((resolve) => child.stdin!.write("no log line\n".repeat(50_000), resolve));
        for (let i = 0; i < 20; i++) child.kill("SIGUSR1");
        await sleep(500);
        child.stdin!.end();
        await ended;
        assert.doesNotMatch(said(), /Debugger/);
      });
    }
  }
});
