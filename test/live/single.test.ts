// Tests the single executable (packaging/single) as a container image uses it: copied, with one file capability, by a
// user without other rights or a writable /run, with a config like those of images that wake a game server.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { scaled, until } from "../time-limit.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const NODE = join(repo, "build/nodes/node_modules/n24/bin/node");
const ADDON = join(repo, "build/Release/knockd.node");
const { version } = JSON.parse(readFileSync(join(repo, "package.json"), "utf8"));
const USER = 61_077;
const AS_USER = ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups", "--bounding-set=-all,+net_raw"];

// Only this process and its children see these mounts (unshare -m).
const READ_ONLY = `
set -e
options=$1 TMPDIR=$2 HOME=$3; shift 3
export TMPDIR HOME
for other in /dev/shm /run /var/tmp; do mount -t tmpfs -o ro none "$other"; done
mount -t tmpfs -o "$options" none "$TMPDIR"
cd "$TMPDIR"
exec "$@"
`;
const IN_ROOT = 'root=$1; shift; mount --bind /proc "$root/proc" && exec chroot "$root" "$@"';

describe("the single executable", { skip: needsRoot }, () => {
  let wire: Wire;
  let file = "";
  before(async () => {
    wire = await Wire.open();
    file = join(wire.dir, "knockd");
    chmodSync(wire.dir, 0o755);
    execFileSync(process.execPath, [join(repo, "packaging/single.js"), NODE, ADDON, file], {
      stdio: "ignore",
      timeout: scaled(60_000),
    });
    symlinkSync("knockd", join(wire.dir, "knock"));
    symlinkSync("knockd", join(wire.dir, "knockctl"));
  });
  after(() => wire.close());

  const run = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(words[0]!, words.slice(1), {
      encoding: "utf8",
      timeout: scaled(30_000),
    });
    return { status, stdout, stderr };
  };

  it("acts as each program, by its name or its first argument", () => {
    const yes = (name: string) => ({ status: 0, stdout: `${name} ${version} (knockd-ng)\n`, stderr: "" });
    for (const name of ["knockd", "knock", "knockctl"]) {
      assert.deepEqual(run(join(wire.dir, name), "-V"), yes(name));
      assert.deepEqual(run(file, name, "-V"), yes(name));
    }
  });

  it("leaves no file of the addon behind", () => {
    const directory = join(wire.dir, "tmp");
    execFileSync("mkdir", [directory]);
    assert.equal(run("env", `TMPDIR=${directory}`, file, "-V").status, 0);
    assert.deepEqual(execFileSync("ls", [directory], { encoding: "utf8" }), "");
  });

  it("gives the file of the addon no name, so that nobody can replace it before it is loaded", () => {
    const { status, stderr } = run("strace", "-f", "-e", "trace=openat,mkdir", file, "-V");
    assert.equal(status, 0);
    assert.match(stderr, /O_RDWR\|O_CLOEXEC\|O_TMPFILE/);
    assert.doesNotMatch(stderr, /mkdir\(.*knockd-/);
  });

  it("needs one directory from which code may run, and says so", () => {
    const directory = join(wire.dir, "only");
    execFileSync("mkdir", [directory]);
    const readOnly = (options: string, home = directory) =>
      run("unshare", "-m", "sh", "-c", READ_ONLY, "sh", `size=8m,${options}`, directory, home, file, "-V");
    assert.equal(readOnly("exec").status, 0);
    assert.equal(readOnly("noexec", wire.dir).status, 0, "a volume, as the home directory");
    const { status, stderr } = readOnly("noexec");
    assert.equal(status, 1);
    const [, first = "", second = ""] =
      /^knockd: .* none of (.*?), (\/dev\/shm .*?), .* add --tmpfs \/tmp:exec.*\n$/.exec(stderr) ?? [];
    assert.equal(first, `${directory} (failed to map segment from shared object)`, stderr);
    assert.equal(second, "/dev/shm (Read-only file system)");
  });

  it("runs beside another C library with only the files that Dockerfile.alpine copies", () => {
    const root = join(wire.dir, "alpine");
    execFileSync("mkdir", [
      "-p",
      join(root, "usr/local/bin"),
      join(root, "proc"),
      join(root, "tmp"),
      join(root, "etc"),
    ]);
    writeFileSync(join(root, "etc/hosts"), "127.0.0.1 game\n");
    execFileSync("cp", [file, join(root, "usr/local/bin/knockd")]);
    const there = (...words: string[]) =>
      run("unshare", "-m", "sh", "-c", IN_ROOT, "sh", root, "/usr/local/bin/knockd", ...words);
    assert.equal(there("-V").status, 127, "without them it does not start");
    const recipe = readFileSync(join(repo, "examples/container/Dockerfile.alpine"), "utf8");
    const [, copy = ""] = /^RUN mkdir \/glibc && (.*)$/m.exec(recipe) ?? [];
    // The addon of a release has libpcap inside. The one here needs libpcap's libraries.
    for (const program of [file, ADDON])
      execFileSync("sh", ["-c", copy.replaceAll("/usr/local/bin/knockd", program).replace(/\/glibc$/, root)]);
    assert.deepEqual(there("-V"), { status: 0, stdout: `knockd ${version} (knockd-ng)\n`, stderr: "" });
    assert.deepEqual(there("--can-listen", "-i", "lo"), { status: 0, stdout: "", stderr: "" });
    assert.deepEqual(there("knock", "-u", "game", "9"), { status: 0, stdout: "", stderr: "" }); // the resolver works, too
  });

  it("accepts the example config without a message", () => {
    const config = join(repo, "examples/container/knockd.conf");
    assert.deepEqual(run(file, "--check", "-c", config), { status: 0, stdout: "", stderr: "" });
  });

  it("wakes a game server for a user with only CAP_NET_RAW on the file", async () => {
    const capable = join(wire.dir, "capable");
    execFileSync("cp", [file, capable]);
    execFileSync("setcap", ["cap_net_raw=ep", capable]);
    const woken = join(wire.dir, "home", "woken");
    execFileSync("mkdir", [join(wire.dir, "home")]);
    chownSync(join(wire.dir, "home"), USER, USER);
    const config = join(wire.dir, "game.cfg");
    writeFileSync(
      config,
      `[options]
 logfile = /dev/null
[resume-by-player]
 sequence = 8211:udp
 seq_cooldown = 5
 command = /bin/sh -c 'id -u >${woken}' "LOGIN from %IP%"
[resume-by-rcon]
 sequence = 25575
 seq_timeout = 1
 command = /bin/echo "RCON from %IP%"
 tcpflags = syn
`,
    );
    const canListen = async (program: string) =>
      (await wire.run("server", [...AS_USER, program, "--can-listen", "-i", "eth0"])).status;
    assert.deepEqual([await canListen(file), await canListen(capable)], [1, 0]);
    const pidFile = join(wire.dir, "home", "pid");
    // Started by its name only, through PATH: other programs see it by that name, too.
    const called = [...AS_USER, "env", `--chdir=${wire.dir}`, "./capable"];
    const started = await wire.run("server", [...called, "-c", config, "-d", "-i", "eth0", "-p", pidFile]);
    assert.deepEqual([started.status, started.stderr], [0, ""]);
    await until(() => existsSync(pidFile), 10_000, 20);
    const pid = Number(readFileSync(pidFile, "utf8"));
    try {
      assert.equal((await wire.run("client", [join(wire.dir, "knock"), wire.server, "8211:udp"])).status, 0);
      await until(() => existsSync(woken) && readFileSync(woken, "utf8") !== "", 10_000, 20);
      assert.equal(readFileSync(woken, "utf8"), `${USER}\n`);
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      assert.deepEqual(words.slice(0, 3), ["./capable", "-c", config]);
    } finally {
      process.kill(pid, "SIGTERM");
      await until(() => !existsSync(`/proc/${pid}`), 20_000, 20);
    }
    rmSync(capable);
  });
});
