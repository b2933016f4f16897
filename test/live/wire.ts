// Two network namespaces and the cable between them. Nothing that happens there reaches this machine's own network.

import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { nameOf, STATE_DIRECTORY } from "../../src/platform/state-directory.ts";
import { MACS } from "../frame.ts";
import { ip, kill, namespacePrefix, PATH, removeNamespace } from "../runner/namespaces.ts";
import { after, scaled, until } from "../time-limit.ts";

export { kill };

export type Side = "server" | "client";

export interface Result {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Flood {
  /** Names, used in turn. */
  templates: Buffer[];
  count: number;
  /** Frames per second; 0 is full speed. */
  rate: number;
  vary: "none" | "source" | "port";
}

/** For node:test's `skip`: without root, a developer's run skips these tests, but CI must not pass by skipping. */
export const needsRoot: string | false =
  process.getuid?.() === 0 || process.env.CI ? false : "needs root: sudo npm test";

export const repo = findRepo(dirname(fileURLToPath(import.meta.url)));

const openWires = new Set<Wire>();
let wiresMade = 0;

export class Wire {
  readonly server = "10.77.0.1";
  readonly client = "10.77.0.2";
  readonly server6 = "fd77::1";
  readonly client6 = "fd77::2";
  readonly serverMac = MACS.to;
  readonly clientMac = MACS.from;
  /** Removed together with the wire. Daemons keep their files in it. */
  readonly dir: string;
  readonly namespaces: Record<Side, string>;
  readonly #children = new Set<ChildProcess>();

  private constructor() {
    const name = `${namespacePrefix(process.pid)}${++wiresMade}`;
    this.namespaces = { server: `${name}s`, client: `${name}c` };
    this.dir = mkdtempSync(join(tmpdir(), `${name}-`));
  }

  static async open(): Promise<Wire> {
    const wire = new Wire();
    if (wiresMade === 1) watchForTheEnd();
    openWires.add(wire);
    try {
      wire.#connect();
      await wire.#linksUp(5000);
      return wire;
    } catch (error) {
      await wire.close();
      throw error;
    }
  }

  /** The child's pid is the program's own, because `ip netns exec` becomes it. `env` is added to ours. */
  spawn(side: Side, argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const env = { ...process.env, PATH, ...options.env };
    const child = spawn("ip", ["netns", "exec", this.namespaces[side], ...argv], { ...options, env });
    if (child.pid !== undefined) this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    child.stdin?.on("error", () => {}); // it may end without reading all that we write to it
    return child;
  }

  run(
    side: Side,
    argv: readonly string[],
    options: { input?: string | Buffer; env?: NodeJS.ProcessEnv; timeoutMs?: number } = {},
  ): Promise<Result> {
    const { input = "", env = {}, timeoutMs = 10_000 } = options;
    const child = this.spawn(side, argv, { env });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
    child.stdin?.end(input);
    const inTime = after(timeoutMs, () => child.kill("SIGKILL"));
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (status, signal) => {
        inTime();
        const done = () =>
          resolve({ status, signal, stdout: `${Buffer.concat(out)}`, stderr: `${Buffer.concat(err)}` });
        child.once("close", done);
        // A daemon that it left behind may hold the pipes open for ever. On a busy machine, this timer may come before
        // output that was written long ago has been read. Another turn of the event loop reads it.
        setTimeout(() => setImmediate(done), 200);
      });
    });
  }

  /**
   * Puts each frame on the cable at its time, in seconds from now. Resolves with when each left, in that order:
   * nanoseconds of the clock of `process.hrtime`.
   */
  async send(frames: readonly { at: number; frame: Buffer }[], side: Side = "client"): Promise<number[]> {
    const inOrder = [...frames].sort((a, b) => a.at - b.at);
    const input = Buffer.concat(inOrder.map(({ at, frame }) => record(at, frame)));
    const timeoutMs = (inOrder.at(-1)?.at ?? 0) * 1000 + 10_000;
    return JSON.parse(await this.#sender(side, ["frames", "eth0"], input, timeoutMs));
  }

  async flood(flood: Flood, side: Side = "client"): Promise<{ sent: number; seconds: number }> {
    const { templates, count, rate, vary } = flood;
    const input = Buffer.concat(templates.map((template) => record(0, template)));
    const timeoutMs = (rate ? count / rate : count / 10_000) * 1000 + 30_000;
    return JSON.parse(await this.#sender(side, ["flood", "eth0", `${count}`, `${rate}`, vary], input, timeoutMs));
  }

  /** Ends everything that runs in the namespaces, and removes them. */
  async close(): Promise<void> {
    const ended = [...this.#children].map((child) => new Promise((resolve) => child.once("exit", resolve)));
    this.closeNow();
    await Promise.all(ended);
  }

  /** The same without waiting, for a process that is about to end. */
  closeNow(): void {
    openWires.delete(this);
    for (const child of this.#children) child.kill("SIGKILL");
    for (const namespace of Object.values(this.namespaces)) removeNamespace(namespace);
    removeStateOf(this.dir);
    rmSync(this.dir, { recursive: true, force: true });
  }

  #connect(): void {
    const { server, client } = this.namespaces;
    ip("netns", "add", server);
    ip("netns", "add", client);
    const peer = ["type", "veth", "peer", "name", "eth0", "address", this.clientMac, "netns", client];
    ip("-n", server, "link", "add", "eth0", "address", this.serverMac, ...peer);
    for (const [side, namespace] of Object.entries(this.namespaces) as [Side, string][]) {
      ip("-n", namespace, "address", "add", `${this[side]}/24`, "dev", "eth0");
      // Without duplicate address detection, during which the address can't be used for seconds.
      ip("-n", namespace, "address", "add", `${this[`${side}6`]}/64`, "dev", "eth0", "nodad");
      ip("-n", namespace, "link", "set", "lo", "up");
      ip("-n", namespace, "link", "set", "eth0", "up");
    }
  }

  async #linksUp(ms: number): Promise<void> {
    const isUp = (namespace: string) => /state UP/.test(ip("-n", namespace, "link", "show", "eth0"));
    if (await until(() => Object.values(this.namespaces).every(isUp), ms, 10)) return;
    throw new Error(`the links of ${this.namespaces.server} are not up after ${ms} ms and more`);
  }

  async #sender(side: Side, args: string[], input: Buffer, timeoutMs: number): Promise<string> {
    const sender = compiled("test/live/send.cc", "build/send");
    const { status, signal, stdout, stderr } = await this.run(side, [sender, ...args], { input, timeoutMs });
    if (status !== 0) throw new Error(`send ${args.join(" ")}: ${stderr.trim() || (signal ?? status)}`);
    return stdout;
  }
}

/** In the format that send.cc reads. */
function record(seconds: number, frame: Buffer): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt32LE(Math.round(seconds * 1e6));
  head.writeUInt16LE(frame.length, 4);
  return Buffer.concat([head, frame]);
}

/**
 * The program of one C++ file, both named relative to the repository's root. It is compiled if it is missing or older.
 */
export function compiled(source: string, program: string, ...flags: string[]): string {
  const [from, to] = [join(repo, source), join(repo, program)];
  if (existsSync(to) && statSync(to).mtimeMs > statSync(from).mtimeMs) return to;
  mkdirSync(dirname(to), { recursive: true });
  // Test files run in parallel: each compiles its own, and any of them can replace the others.
  const mine = `${to}.${process.pid}`;
  execFileSync("g++", ["-O2", "-Wall", ...flags, "-o", mine, from], { timeout: scaled(60_000) });
  renameSync(mine, to);
  return to;
}

/** What killed daemons left in /run/knockd: sockets, locks, and ledgers of configs in that folder. */
export function removeStateOf(dir: string): void {
  for (const directory of [STATE_DIRECTORY, join(STATE_DIRECTORY, "group")]) {
    if (!existsSync(directory)) continue;
    const left = readdirSync(directory).filter((name) => name.startsWith(`${nameOf(dir)}-`));
    for (const name of left) rmSync(join(directory, name), { force: true });
  }
}

function watchForTheEnd(): void {
  const closeAll = () => {
    for (const wire of openWires) {
      try {
        wire.closeNow();
      } catch {} // the others still have a chance
    }
  };
  process.on("exit", closeAll);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      closeAll();
      process.kill(process.pid, signal); // now with its default behaviour
    });
  }
}

/** The same from test/live and from dist/test/live. */
function findRepo(from: string): string {
  return existsSync(join(from, "package.json")) ? from : findRepo(dirname(from));
}
