// Tests what protects this machine from the tests that fill disks: a mount namespace, and a chroot in it.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { assertPrivate, filling, inMountsOf } from "./mount-namespace.ts";
import { needsRoot } from "./wire.ts";

describe("a disk that a test fills", { skip: needsRoot }, () => {
  let folder: string;
  const children: ChildProcess[] = [];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "mounts-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  /** A process with its own mount namespace, whose script has run. */
  async function holder(script: string): Promise<number> {
    const argv = ["--mount", "sh", "-ec", `${script}\necho ready; exec sleep 600`, "sh", folder];
    const child = spawn("unshare", argv, { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    await new Promise((resolve) => child.stdout!.once("data", resolve));
    return child.pid!;
  }
  function run(argv: readonly string[]) {
    const { status, stdout, stderr } = spawnSync(argv[0]!, argv.slice(1), { encoding: "utf8" });
    return { status, stdout, stderr };
  }
  const sh = (pid: number, script: string) => run(inMountsOf(pid, "sh", "-c", script));

  it("is filled to its last byte, which is not visible outside", async () => {
    const pid = await holder('mount -t tmpfs -o size=64k private-disk "$1"');
    const { status, stderr } = sh(pid, filling(folder, "private-disk"));
    assert.notEqual(status, 0);
    assert.match(stderr, /No space left on device/);
    assert.equal(sh(pid, `df --output=avail ${folder} | tail -n 1`).stdout.trim(), "0");
    assert.deepEqual(readdirSync(folder), []);
  });

  it("is at most 8 MiB", async () => {
    const pid = await holder('mount -t tmpfs -o size=64m private-disk "$1"');
    assert.deepEqual(sh(pid, filling(folder, "private-disk")).status, 0);
    assert.equal(sh(pid, `stat -c %s ${folder}/filler`).stdout, `${8 << 20}\n`);
  });

  it("is not filled if it does not belong to the test: not a byte is written", async () => {
    const pid = await holder(":");
    for (const script of [filling(folder, "private-disk"), filling("/run", "private-run", "mounts-test")]) {
      const { status, stderr } = sh(pid, script);
      assert.equal(status, 1);
      assert.match(stderr, /is not on private-(disk|run): not filled\n$/);
    }
    assert.deepEqual(readdirSync(folder), []);
    assert.equal(existsSync("/run/mounts-test"), false);
    assert.throws(() => assertPrivate(pid, "/run", "private-run"), /nothing may be written there/);
  });

  it("is the one below the process's root in a chroot without pivot_root", async () => {
    // As in a container of that kind: the programs are this machine's, but /run is the chroot's.
    const root = join(folder, "root");
    for (const name of ["", "run", "usr", "proc", "dev"]) mkdirSync(join(root, name));
    const links = "for one in bin sbin lib lib64; do ln -s usr/$one; done";
    const chroot = `mount --bind "$1/root" "$1/root"; mount --rbind /usr "$1/root/usr"; mount --rbind /proc "$1/root/proc"; mount --rbind /dev "$1/root/dev"; cd "$1/root"; ${links}`;
    const within = "mount -t tmpfs -o size=64k private-run /run; echo ready; exec sleep 600";
    const pid = await holder(`${chroot}; exec chroot "$1/root" unshare --mount sh -ec '${within}'`);
    assertPrivate(pid, "/run", "private-run");
    assert.match(sh(pid, filling("/run", "private-run", "mounts-test")).stderr, /No space left on device/);
    assert.equal(sh(pid, "ls /run").stdout, "mounts-test\n");
    assert.equal(existsSync("/run/mounts-test"), false, "and not this machine's");
    // What happened before this protection: the machine's own /run is visible, and would have been filled.
    const rootless = run(["nsenter", "--mount", `--target=${pid}`, "sh", "-c", filling("/run", "private-run", "x")]);
    assert.match(rootless.stderr, /not filled/);
  });
});
