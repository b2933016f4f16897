// Tests what a locked down process can no longer do, and what it still can: Node with the addon, in its own process.
// The daemon's: live/lockdown.test.ts.
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { compiled, needsRoot } from "./live/wire.ts";
import { until } from "./time-limit.ts";

const EPERM = 1;
const ENOSYS = 38;
const NOBODY = 65_534;
const LOCKDOWN = JSON.stringify(new URL("../src/platform/lockdown.js", import.meta.url).href);

const library = compiled("test/native/injected.cc", "build/injected.so", "-shared", "-fPIC", "-pthread");
let dir = "";
before(() => {
  dir = mkdtempSync(join(tmpdir(), "lockdown-"));
});
after(() => rmSync(dir, { recursive: true, force: true }));

const children: ChildProcess[] = [];
after(() => children.forEach((child) => void child.kill("SIGKILL")));

/** Node runs this code, with the library loaded, until the test ends. Resolves when it prints a line. */
async function start(script: string, results: string): Promise<ChildProcess> {
  const env = { ...process.env, LD_PRELOAD: library, INJECTED: results };
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  await new Promise((resolve) => child.stdout!.once("data", resolve));
  return child;
}

const locked = (files: readonly string[] = []) => `
  import { lockDown } from ${LOCKDOWN};
  console.log(JSON.stringify(lockDown(${JSON.stringify(files)})));
  setInterval(() => {}, 1000);`;

async function inject(results: string, word = "go"): Promise<string[]> {
  writeFileSync(`${results}.tmp`, word);
  execFileSync("mv", [`${results}.tmp`, `${results}.go`]);
  const isOver = () => existsSync(results) && /^(all done 0|shell)$/m.test(readFileSync(results, "utf8"));
  assert.ok(await until(isOver, 20_000), "the library has said nothing");
  return readFileSync(results, "utf8").trimEnd().split("\n");
}

/** Of each thread of a process, these fields of /proc/PID/task/TID/status. */
function threads(pid: number, ...names: string[]): string[][] {
  const tids = execFileSync("ls", [`/proc/${pid}/task`], { encoding: "utf8" })
    .split("\n")
    .filter(Boolean);
  return tids.map((tid) => {
    const status = readFileSync(`/proc/${pid}/task/${tid}/status`, "utf8");
    return names.map((name) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)![1]!);
  });
}

describe("a process that is locked down", () => {
  it("cannot start /bin/sh from any thread, whatever code runs in it", async () => {
    const results = join(dir, "locked");
    const child = await start(locked(), results);
    const lines = await inject(results);
    assert.equal(child.exitCode, null);
    const denied = (who: string, what: string) => `${who} ${what} ${what === "clone3" ? ENOSYS : EPERM}`;
    const starts = ["fork", "execveat", "execve"];
    const others = "posix_spawn process_vm_readv ptrace mount unshare setuid bpf init_module userfaultfd".split(" ");
    others.push("io_uring_setup", "open_by_handle_at", "clone3", "tiocsti");
    for (const who of ["later", "waiting"]) {
      // system(3) returns 127 for a shell that could not be started, and sets no errno.
      const tries = lines.filter((line) => line.startsWith(`${who} `) && !line.includes("system"));
      assert.deepEqual(
        tries,
        [...others, ...starts].map((what) => denied(who, what)),
      );
    }
    assert.deepEqual(
      lines.filter((line) => line.startsWith("main ")),
      starts.map((what) => denied("main", what)),
    );
    const pool = lines.filter((line) => line.startsWith("other "));
    assert.ok(pool.length >= 4 * starts.length, `${lines}`);
    assert.deepEqual(new Set(pool), new Set(starts.map((what) => denied("other", what))));
    assert.ok(lines.filter((line) => line.startsWith("blocked")).length <= 1, "Node's thread for SIGUSR1 alone");
    assert.ok(!lines.includes("shell"));
  });

  it("has the filter in every thread, no way to gain rights, and only two capabilities", async () => {
    const child = await start(locked(), join(dir, "threads"));
    const all = threads(child.pid!, "Seccomp", "NoNewPrivs", "CapInh", "CapAmb");
    assert.ok(all.length > 5, `${all.length} threads`);
    for (const one of all) assert.deepEqual(one, ["2", "1", "0000000000000000", "0000000000000000"]);
    const [NET_ADMIN, NET_RAW] = [1n << 12n, 1n << 13n];
    for (const set of threads(child.pid!, "CapPrm", "CapEff").flat()) {
      assert.equal(BigInt(`0x${set}`) & ~(NET_ADMIN | NET_RAW), 0n);
      if (process.geteuid!() === 0) assert.notEqual(BigInt(`0x${set}`) & NET_RAW, 0n);
    }
  });

  it("is killed by a system call of another architecture", { skip: process.arch !== "x64" }, async () => {
    const results = join(dir, "foreign");
    const child = await start(locked(), results);
    writeFileSync(`${results}.go`, "foreign");
    await until(() => child.exitCode !== null || child.signalCode !== null, 10_000);
    assert.equal(child.signalCode, "SIGSYS");
  });

  it("can read files, resolve names and create threads", async () => {
    const script = `
      import { lookup } from "node:dns/promises";
      import { readFile } from "node:fs/promises";
      import { Worker } from "node:worker_threads";
      ${locked()}
      await lookup("localhost");
      const worker = new Worker("", { eval: true });
      await new Promise((resolve, reject) => worker.on("exit", resolve).on("error", reject));
      console.log((await readFile("/proc/self/comm", "utf8")).trim());
      process.exit(7);`;
    const child = await start(script, join(dir, "works"));
    assert.equal(await new Promise((resolve) => child.once("exit", resolve)), 7);
  });

  it("keeps the capability to open files of other users if it is asked to", { skip: needsRoot }, async () => {
    const folder = join(dir, "foreign-files");
    mkdirSync(folder);
    const paths = ["mine", "theirs", "below/mine"].map((name) => join(folder, name));
    mkdirSync(join(folder, "below"));
    for (const path of paths) writeFileSync(path, "secret", { mode: 0o600 });
    chownSync(paths[1]!, NOBODY, NOBODY);
    chownSync(join(folder, "below"), NOBODY, NOBODY);
    chmodSync(join(folder, "below"), 0o700);
    for (const [path, isForeign] of [
      [paths[0]!, false],
      [paths[1]!, true],
      [paths[2]!, true],
      [join(folder, "absent"), false],
      [join(folder, "below", "absent"), true],
    ] as const) {
      const script = `${locked([path])}
        import { writeFileSync } from "node:fs";
        writeFileSync(${JSON.stringify(path)}, "new");
        console.log("written");`;
      const child = await start(script, join(dir, "files"));
      assert.ok(await until(() => !existsSync(path) || readFileSync(path, "utf8") === "new", 10_000), path);
      const [caps] = threads(child.pid!, "CapEff");
      assert.equal((BigInt(`0x${caps![0]}`) & 0b1011n) !== 0n, isForeign, path);
    }
  });
});

it("a process that is not locked down can start a shell", async () => {
  const results = join(dir, "open");
  await start("console.log(); setInterval(() => {}, 1000);", results);
  assert.ok((await inject(results)).includes("shell"));
});
