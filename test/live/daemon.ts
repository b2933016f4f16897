// A knock daemon, ours or Debian's, in the server's namespace, with all that it prints and does.
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../time-limit.ts";
import { kill, repo, type Wire } from "./wire.ts";

/** `judge` is Debian's knockd 0.8, which shows how a drop-in replacement must behave. */
export type Which = "ours" | "judge";

export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
}

export interface StartOptions {
  /** Added to the environment of the daemon, and so of its commands. */
  env?: Record<string, string>;
  /** Files to write beside knockd.conf, by name. */
  files?: Record<string, string>;
  /** Gives it its own /dev/log, which `syslog()` reads. */
  syslog?: boolean;
  /**
   * A directory that becomes a disk of 64 KiB with what it holds, seen by the daemon, its commands and `inside` alone.
   * Needs `syslog`.
   */
  disk?: string;
  /** The command that starts it, followed by the program and its arguments. */
  by?: readonly string[];
  /** The directory of an earlier daemon, to start it again. A new one otherwise. */
  dir?: string;
  /** Text on standard output or standard error that shows that the daemon is ready. '' does not wait. */
  ready?: string;
}

/** Stands for the daemon's own directory in a config, in arguments and in files. */
const DIR = "@dir@";
const DEFAULT_ARGS = ["-i", "eth0", "-c", `${DIR}/knockd.conf`, "-v"];

// Appends what arrives at the socket (first argument) to a file (second argument), one line per message.
const LISTENER = `
import socket, sys
inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
inbox.bind(sys.argv[1])
out = open(sys.argv[2], 'ab', 0)
while True: out.write(inbox.recv(65536).rstrip(b'\\0\\n') + b'\\n')
`;

// Only this process and its children see this /dev (unshare -m): the usual few devices, and a log that is our listener.
// The mounts disappear with the last process that sees them.
const PRIVATE_DEV = `
set -e
dir=$1; shift
mount -t tmpfs -o mode=755 private-dev "$dir/dev"
for device in null zero full random urandom; do : >"$dir/dev/$device"; mount --bind "/dev/$device" "$dir/dev/$device"; done
ln -s /proc/self/fd "$dir/dev/fd"
ln -s "$dir/log" "$dir/dev/log"
mount --move "$dir/dev" /dev
if [ -n "$DISK" ]; then
  mount -t tmpfs -o size=64k private-disk "$dir/dev"
  cp -a "$DISK/." "$dir/dev/"
  mount --move "$dir/dev" "$DISK"
fi
exec "$@"
`;

export class Daemon {
  readonly which: Which;
  readonly dir: string;
  readonly configPath: string;
  readonly pid: number;
  readonly child: ChildProcess;
  readonly exited: Promise<Ended>;
  ended: Ended | undefined;
  stdout = "";
  stderr = "";
  #listener: ChildProcess | undefined;
  readonly #closed: Promise<unknown>;

  private constructor(which: Which, dir: string, child: ChildProcess) {
    this.which = which;
    this.dir = dir;
    this.configPath = join(dir, "knockd.conf");
    this.child = child;
    this.pid = child.pid!;
    child.stdout?.setEncoding("utf8").on("data", (text) => (this.stdout += text));
    child.stderr?.setEncoding("utf8").on("data", (text) => (this.stderr += text));
    this.#closed = new Promise((resolve) => child.once("close", resolve));
    this.exited = new Promise((resolve) =>
      child.once("exit", (status, signal) => resolve((this.ended = { status, signal }))),
    );
  }

  static async start(
    wire: Wire,
    which: Which,
    config: string,
    args: readonly string[] = DEFAULT_ARGS,
    options: StartOptions = {},
  ): Promise<Daemon> {
    const command = program(which);
    const dir = options.dir ?? mkdtempSync(join(wire.dir, `${which}-`));
    const here = (text: string) => text.replaceAll(DIR, dir);
    for (const [name, text] of Object.entries({ "knockd.conf": config, ...options.files })) {
      writeFileSync(join(dir, name), here(text), { mode: name === "clients" ? 0o600 : 0o644 });
    }
    const listener = options.syslog ? await listen(wire, dir) : undefined;
    const inPrivateDev = options.syslog ? ["unshare", "-m", "sh", "-c", PRIVATE_DEV, "sh", dir] : [];
    const by = (options.by ?? []).map(here);
    const child = wire.spawn("server", [...inPrivateDev, ...by, ...command, ...args.map(here)], {
      cwd: dir,
      env: { ...options.env, DISK: options.disk ?? "", KNOCK_LOG: join(dir, "commands") },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const daemon = new Daemon(which, dir, child);
    daemon.#listener = listener;
    const ready = options.ready ?? "listening on eth0...";
    const isReady = () => daemon.stdout.includes(ready) || daemon.stderr.includes(ready);
    await until(() => isReady() || daemon.ended !== undefined, 10_000);
    // A signal that interrupts 0.8 in the middle of printing a line makes it print that line twice.
    if (which === "judge" && ready !== "" && isReady())
      await until(() => daemon.ended !== undefined || isAsleep(daemon.pid), 5000);
    if (isReady()) return daemon;
    const ended = daemon.ended ? `ended with ${JSON.stringify(daemon.ended)}` : "is not under way after 10 s and more";
    await daemon.stop("SIGKILL");
    throw new Error(`${which} ${ended}${daemon.#said()}`);
  }

  /** Standard output after `listening on`, without a line that is still being written. */
  lines(): string[] {
    const lines = this.stdout.split("\n").slice(0, -1);
    return lines.slice(lines.findIndex((line) => line.startsWith("listening on")) + 1);
  }

  /** What the commands wrote to $KNOCK_LOG. */
  commands(): string[] {
    return linesOf(join(this.dir, "commands"));
  }

  /** Everything that was sent to /dev/log. */
  syslog(): string[] {
    return linesOf(join(this.dir, "syslog")).filter(isOf08);
  }

  /** Closes /dev/log's listener. */
  endListener(): void {
    this.#listener?.kill("SIGKILL");
  }

  /** Waits until standard output contains the text, or until the function returns true. */
  async waitFor(what: string | (() => boolean), ms = 5000): Promise<void> {
    const isTrue = typeof what === "string" ? () => this.stdout.includes(what) : what;
    if (!(await until(isTrue, ms)))
      throw new Error(`${this.which}: no ${what} within ${ms} ms and more${this.#said()}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends the daemon, and then everything that it or its commands left running. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
    if (!this.ended) this.signal(signal);
    // 0.8 waits for its sleeping children, so it ends when they are gone. Ours gets the time to end properly.
    if (this.which === "judge") await atMost(500, this.exited);
    else await until(() => this.ended !== undefined, 5000);
    for (let tries = 0, pids = this.#strays(); pids.length && tries < 100; tries++, pids = this.#strays()) {
      for (const pid of pids) kill(pid);
      await sleep(5);
    }
    await until(() => this.ended !== undefined, 1000);
    this.signal("SIGKILL");
    const ended = await this.exited;
    await atMost(500, this.#closed);
    this.#listener?.kill("SIGKILL");
    return ended;
  }

  /**
   * Every process that has this daemon's KNOCK_LOG in its environment: children, commands, orphans; not the daemon
   * itself.
   */
  #strays(): number[] {
    const mark = `KNOCK_LOG=${join(this.dir, "commands")}`;
    const pids = readdirSync("/proc").map(Number).filter(Boolean);
    return pids.filter((pid) => pid !== this.pid && environment(pid).includes(mark));
  }

  #said(): string {
    return `\n--- stdout\n${this.stdout}--- stderr\n${this.stderr}--- commands\n${this.commands().join("\n")}`;
  }
}

const isAsleep = (pid: number): boolean => / S /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));

/** Hides our warning about weak sequences (test/weak-doors.test.ts), because nearly all of these tests have one. */
export const isOf08 = (line: string): boolean => !line.includes(": its sequence is easily found: ");

/** Ours is the compiled one, or what KNOCKD names: the benchmarks run the Debian package's program. */
function program(which: Which): string[] {
  const ours = process.env.KNOCKD ?? "dist/src/knockd.js";
  const path = join(repo, which === "ours" ? ours : "build/judge/usr/sbin/knockd");
  if (!existsSync(path)) throw new Error(`no ${path}: run \`sh scripts/setup test\``);
  return which === "ours" ? [process.execPath, path] : [path];
}

async function listen(wire: Wire, dir: string): Promise<ChildProcess> {
  mkdirSync(join(dir, "dev"));
  const [socket, file] = [join(dir, "log"), join(dir, "syslog")];
  const listener = wire.spawn("server", ["python3", "-c", LISTENER, socket, file], { stdio: "inherit" });
  // The socket exists before the file.
  if (!(await until(() => existsSync(file), 10_000))) throw new Error(`nobody listens at ${socket}`);
  return listener;
}

/** The timer does not keep a test process alive. */
const atMost = (ms: number, promise: Promise<unknown>) => Promise.race([promise, sleep(ms, undefined, { ref: false })]);

function linesOf(file: string): string[] {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
}

function environment(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return []; // it has ended
  }
}
