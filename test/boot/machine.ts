// A Debian machine with systemd, booted by systemd-nspawn. Its network is the server's side of a wire. It lives in an
// overlay over a root of build/roots, which stays unchanged, and it can be rebooted.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { appendFileSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { needsRoot, type Result, repo, Wire } from "../live/wire.ts";
import { until } from "../time-limit.ts";
import { isOpen, knock } from "./knocker.ts";

export { needsRoot };

/** The packages that packaging/release built. They are in each machine's /srv. */
export const RELEASED = join(repo, "build/release/rehearsal");

export type Release = "bookworm" | "trixie";
export const RELEASES: readonly Release[] = ["bookworm", "trixie"];
/** The second has firewalld and Docker as well (packaging/root). */
export type Root = Release | `firewalls-${Release}`;

const POWER_OFF = 38; // SIGRTMIN+4, to systemd as process 1
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Mounts cgroups as on a Pi, version 2 only, and moves the machine into a group of its own (first argument). Two systemds in
 * one group would end each other's processes.
 */
const START = `
set -e
group=$1; shift
# If /run is on a disk, nspawn cannot remove its folder there.
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o mode=755,size=1m nspawn /run/systemd/nspawn
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup/$group"
echo 0 >"/sys/fs/cgroup/$group/cgroup.procs"
exec "$@"
`;

/** Removes what is left of that group. */
const END = `
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
[ ! -e "/sys/fs/cgroup/$1" ] || find "/sys/fs/cgroup/$1" -depth -type d -exec rmdir {} \\;
`;
/** What Docker needs beside what a machine has here: system calls of a container's start, and sysctls of the network. */
const FOR_DOCKER = ["--system-call-filter=add_key keyctl bpf"];
const FOR_DOCKER_ENV = { SYSTEMD_NSPAWN_API_VFS_WRITABLE: "network" };
const UNSHARE = ["--mount", "--propagation", "slave", "sh", "-c"];

let machinesMade = 0;
const running = new Set<ChildProcess>();
const mounted = new Set<string>();
// A test file that is killed by its time limit must not leave machines running, nor their overlays mounted.
function closeAll(): void {
  for (const child of running) child.kill("SIGKILL");
  for (const root of mounted) {
    unmount(root, "--lazy");
    rmSync(dirname(root), { recursive: true });
  }
}
process.on("exit", closeAll);
// Registered before the cleanup of the wires (../live/wire.ts), which ends the process.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, closeAll);

function mount(name: string, options: string, root: string): void {
  execFileSync("mount", ["-t", "overlay", name, "-o", options, root]);
  mounted.add(root);
}

function unmount(root: string, ...how: readonly string[]): void {
  execFileSync("umount", [...how, root]);
  mounted.delete(root);
}

export class Machine {
  readonly wire: Wire;
  /** The machine's root directory, as seen from the host. */
  readonly root: string;
  readonly #name: string;
  readonly #dir: string;
  readonly #hasDocker: boolean;
  #nspawn: ChildProcess | undefined;
  #leader = 0;
  #said = "";

  private constructor(root: Root, wire: Wire) {
    this.wire = wire;
    this.#hasDocker = root.startsWith("firewalls-");
    this.#name = `${root}-${process.pid}-${++machinesMade}`;
    this.#dir = join(repo, "build/boot", this.#name);
    this.root = join(this.#dir, "root");
    for (const folder of ["changes", "work", "root"]) mkdirSync(join(this.#dir, folder), { recursive: true });
    const lower = join(repo, "build/roots", root);
    const options = `lowerdir=${lower},upperdir=${this.#dir}/changes,workdir=${this.#dir}/work`;
    mount(this.#name, options, this.root);
    for (const file of readdirSync(RELEASED)) copyFileSync(join(RELEASED, file), join(this.root, "srv", file));
  }

  /** Boots it. It owns its wire. */
  static async boot(root: Root): Promise<Machine> {
    const machine = new Machine(root, await Wire.open());
    await machine.start();
    return machine;
  }

  /** Boots it in its present state. Resolves when systemd has started everything; `during` runs meanwhile. */
  async start(during: () => Promise<void> = async () => {}): Promise<void> {
    const namespace = `/run/netns/${this.wire.namespaces.server}`;
    const nspawn = ["systemd-nspawn", "--quiet", `--directory=${this.root}`, "--boot", `--machine=${this.#name}`];
    const options = ["--register=no", "--keep-unit", `--network-namespace-path=${namespace}`, "--console=pipe"];
    const more = ["--capability=CAP_NET_ADMIN", "--link-journal=no", "--resolv-conf=off", "--timezone=off"];
    const argv = [...UNSHARE, START, "sh", `knockd-${this.#name}`];
    const docker = this.#hasDocker ? FOR_DOCKER : [];
    const child = spawn("unshare", [...argv, ...nspawn, ...options, ...more, ...docker], {
      env: { ...process.env, ...(this.#hasDocker ? FOR_DOCKER_ENV : {}) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#nspawn = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    for (const stream of [child.stdout, child.stderr]) {
      stream!.setEncoding("utf8").on("data", (text) => (this.#said += text));
    }
    await this.until(async () => (this.#leader = leaderOf(child.pid!)) !== 0, "process 1");
    await this.until(async () => (await this.run("test -S /run/systemd/private")).status === 0, "systemd");
    await during();
    await this.until(async () => {
      const { stdout } = await this.run("systemctl is-system-running");
      return /^(running|degraded)/.test(stdout);
    }, "the end of the boot");
  }

  /** Runs a shell command in the machine, as root. */
  async run(script: string, timeoutMs = 60_000): Promise<Result> {
    const enter = ["nsenter", `--target=${this.#leader}`, "--mount", "--root", "-u", "-i", "-n", "-p", "-C"];
    const argv = [...enter, "env", "-i", `PATH=${PATH}`, "HOME=/root", "LC_ALL=C.UTF-8", "sh", "-c", script];
    return this.wire.run("server", argv, { timeoutMs });
  }

  /** The same, but the command must end with status 0. Returns its output. */
  async ok(script: string): Promise<string> {
    const { status, signal, stdout, stderr } = await this.run(script);
    if (status !== 0) throw new Error(`${script}: ${signal ?? status}\n${stdout}${stderr}`);
    return stdout;
  }

  read(file: string): string {
    return readFileSync(join(this.root, file), "utf8");
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.root, file), text);
  }

  append(file: string, text: string): void {
    appendFileSync(join(this.root, file), text);
  }

  /** What systemd says of a unit's state. */
  async property(name: string, unit = "knockd"): Promise<string> {
    return (await this.ok(`systemctl show -P ${name} ${unit}`)).trim();
  }

  /** Waits until a condition becomes true. */
  async until(isTrue: () => Promise<boolean>, what: string, ms = 60_000): Promise<void> {
    const hasEnded = () => this.#nspawn?.exitCode != null;
    if (!(await until(async () => (await isTrue()) || hasEnded(), ms, 50)))
      throw new Error(`${this.#name}: no ${what} after ${ms} ms and more\n${this.#said.slice(-2000)}`);
    if (hasEnded() && !(await isTrue())) throw new Error(`${this.#name} has ended, no ${what}\n${this.#said}`);
  }

  knock(...ports: readonly (number | string)[]): Promise<void> {
    return knock(this.wire, ...ports);
  }

  isOpen(port: number): Promise<boolean> {
    return isOpen(this.wire, port);
  }

  async powerOff(): Promise<void> {
    const child = this.#nspawn;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null) {
      process.kill(this.#leader, POWER_OFF);
      const limit = setTimeout(() => child.kill("SIGKILL"), 60_000);
      await ended;
      clearTimeout(limit);
    }
    this.#nspawn = undefined;
  }

  async close(): Promise<void> {
    await this.powerOff();
    await this.wire.close();
    execFileSync("unshare", [...UNSHARE, END, "sh", `knockd-${this.#name}`]);
    unmount(this.root);
    rmSync(this.#dir, { recursive: true });
  }
}

/** The child of nspawn that is the machine's process 1; 0 while there is none. */
function leaderOf(pid: number): number {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
    const isFirst = (child: string) => /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${child}/status`, "utf8"));
    return Number(children.find(isFirst) ?? 0);
  } catch {
    return 0; // one of them has ended meanwhile
  }
}
