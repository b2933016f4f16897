// The server's side of a wire as a machine of its own, as far as knockctl init sees one: its network, its firewall and
// its /run, which is small. A server answers at port 22, as sshd would.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { until as isTrueInTime } from "../time-limit.ts";
import { assertPrivate, type Disk, filling, inMountsOf } from "./mount-namespace.ts";
import { type Result, repo, Wire } from "./wire.ts";

/** A config that a user wrote. */
export const OWN = `# mine, and a byte that is no UTF-8: \xe9
[options]
	UseSyslog
	LogFormat = json
	Interface = eth0

[web]
	sequence = 5151,1313,6262
	command  = /bin/true
`;
/** For tests that wait for the rollback. */
export const SOON = ["--minutes", "0.1"];

const PRIVATE_RUN = "mount -t tmpfs -o mode=755,size=4m private-run /run && echo ready && exec sleep infinity";
/** The disks that the tests fill. */
const FILLER = "full";

const SSHD = `
import socket, threading
def serve(one):
    for line in one.makefile('rb'): one.sendall(b'echo ' + line)
door = socket.create_server(('::', 22), family=socket.AF_INET6, dualstack_ipv6=True)
print('ready', flush=True)
while True: threading.Thread(target=serve, args=(door.accept()[0],), daemon=True).start()
`;
const SSH = `
import socket, sys
one = socket.create_connection((sys.argv[1], 22), 3)
one.settimeout(20)
answers = one.makefile('rb')
print('in', flush=True)
for line in sys.stdin:
    one.sendall(line.encode())
    print(answers.readline().decode(), end='', flush=True)
`;

/** The open connection of a terminal. */
export class Session {
  said = "";
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout!.setEncoding("utf8").on("data", (text) => (this.said += text));
  }

  static async open(wire: Wire): Promise<Session> {
    const argv = ["python3", "-c", SSH, wire.server];
    const session = new Session(wire.spawn("client", argv, { stdio: ["pipe", "pipe", "inherit"] }));
    await until(() => session.said === "in\n", "session");
    return session;
  }

  /** The server speaks first, after a silence. */
  async answers(word: string): Promise<void> {
    this.#child.stdin!.write(`${word}\n`);
    await until(() => this.said.endsWith(`echo ${word}\n`), `answer to ${word}`);
  }
}

export class Host {
  readonly wire: Wire;
  /** The path of knockd.conf, which does not exist at first. */
  readonly config: string;
  readonly #holder: ChildProcess;

  private constructor(wire: Wire, holder: ChildProcess) {
    this.wire = wire;
    this.#holder = holder;
    mkdirSync(join(wire.dir, "etc"));
    this.config = join(wire.dir, "etc/knockd.conf");
  }

  static async open(): Promise<Host> {
    const wire = await Wire.open();
    const ready = async (argv: readonly string[]) => {
      const child = wire.spawn("server", argv, { stdio: ["ignore", "pipe", "inherit"] });
      await new Promise((resolve) => child.stdout!.once("data", resolve));
      return child;
    };
    const holder = await ready(["unshare", "-m", "sh", "-c", PRIVATE_RUN]);
    assertPrivate(holder.pid!, "/run", "private-run");
    await ready(["python3", "-c", SSHD]);
    return new Host(wire, holder);
  }

  close(): Promise<void> {
    return this.wire.close();
  }

  /** The output of a program on this host. */
  argv(...words: readonly string[]): string[] {
    return inMountsOf(this.#holder.pid!, ...words);
  }

  /** A file of its /run, as seen from outside. */
  path(file: string): string {
    return `/proc/${this.#holder.pid}/root${file}`;
  }

  run(...words: readonly string[]): Promise<Result> {
    return this.wire.run("server", this.argv(...words), { timeoutMs: 60_000 });
  }

  /** Runs a shell command. Returns its output. */
  async ok(script: string): Promise<string> {
    const { status, stdout, stderr } = await this.run("sh", "-c", script);
    assert.equal(status, 0, `${script}: ${stdout}${stderr}`);
    return stdout;
  }

  /** Fills one of its disks to the last byte. Removing the returned file makes room. */
  async fill(folder: string, disk: Disk): Promise<string> {
    const { status, stderr } = await this.run("sh", "-c", filling(folder, disk, FILLER));
    assert.ok(status !== 0 && stderr.includes("No space left on device"), stderr);
    return `${folder}/${FILLER}`;
  }

  knockctl(...words: readonly string[]): Promise<Result> {
    return this.run(process.execPath, join(repo, "dist/src/knockctl.js"), ...words);
  }

  init(...words: readonly string[]): Promise<Result> {
    return this.knockctl("init", "-c", this.config, "--interface", "eth0", ...words);
  }

  /** Starts a trial without any questions. */
  async begun(...words: readonly string[]): Promise<Result> {
    const result = await this.init("--yes", ...words);
    assert.equal(result.status, 0, result.stderr);
    return result;
  }

  /** Starts the daemon as init says. Returns its new door's sequence. */
  async daemon(said: string): Promise<string[]> {
    await this.ok(/^Start knockd: (.+)$/m.exec(said)![1]!);
    return sequenceOf(await this.ok("cat /run/knockd-init/knockd.conf"));
  }

  async opensTo(sequence: readonly string[], to = this.wire.server): Promise<void> {
    assert.equal(await this.isOpen(to), false, "closed before the knock");
    const begun = performance.now();
    await this.knock(to, ...sequence);
    const seconds = (performance.now() - begun) / 1000;
    try {
      await until(() => this.isOpen(to), `open door; the knock took ${seconds.toFixed(1)} s`);
    } catch (error) {
      const { stdout } = await this.run("sh", "-c", "cat /run/knockd-init/log; nft list tables");
      throw new Error(`${(error as Error).message}\n${stdout}`);
    }
  }

  /** Waits until the trial has been rolled back, by its timer or on request. Only its folder may still be there. */
  rolledBack(): Promise<void> {
    return until(async () => (await this.run("test", "-e", "/run/knockd-init/id")).status !== 0, "rollback");
  }

  /** Waits until the rollback has removed its folder, which it does last. */
  cleanedUp(): Promise<void> {
    return until(async () => (await this.run("test", "-e", "/run/knockd-init")).status !== 0, "end of the folder");
  }

  /** The rules of the user's firewall and of knockd's, without the clients that may connect at the moment. */
  rules(): Promise<string> {
    return this.ok("iptables -S; ip6tables -S; nft -s list ruleset | sed '/expires/d'");
  }

  conf(): string {
    return readFileSync(this.config, "latin1");
  }

  /** Knocks from the client's side, with the client's program. */
  async knock(to: string, ...ports: readonly string[]): Promise<void> {
    const knock = [process.execPath, join(repo, "dist/src/knock.js"), "-d", "100", to, ...ports];
    const { status, stderr } = await this.wire.run("client", knock);
    assert.equal(status, 0, stderr);
  }

  /** Is a new connection to port 22 accepted? False: it is refused, and not only slow. */
  async isOpen(to = this.wire.server): Promise<boolean> {
    const probe = `
import socket
try: socket.create_connection(('${to}', 22), 20).close()
except ConnectionRefusedError: exit(9)`;
    const { status, stderr } = await this.wire.run("client", ["python3", "-c", probe], { timeoutMs: 30_000 });
    assert.ok(status === 0 || status === 9, stderr);
    return status === 0;
  }
}

/** The sequence of the door that init made. */
export function sequenceOf(config: string): string[] {
  return /sequence\s+= (\S+)\n\tseq_timeout = 15/.exec(config)![1]!.split(",");
}

/** Waits until a condition becomes true. */
export async function until(isTrue: () => boolean | Promise<boolean>, what: string, ms = 60_000): Promise<void> {
  if (!(await isTrueInTime(isTrue, ms, 50))) throw new Error(`no ${what} after ${ms} ms and more`);
}
