// The programs that the bench measures: knockd-ng, Debian's knockd 0.8, and the smallest C program that counts knocks
// (bench/loop.cc). The C program decides nothing, so no daemon can be faster.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Daemon, type Which } from "../test/live/daemon.ts";
import { compiled, type Wire } from "../test/live/wire.ts";
import { packets, untilIdle } from "./probe.ts";

/** `loop` sleeps until its buffer is full or 50 ms have passed. `immediate` wakes up for each packet. */
export type Subject = Which | "loop" | "immediate";

export const NAMES: Readonly<Record<Subject, string>> = {
  ours: "knockd-ng",
  judge: "knockd 0.8",
  loop: "C loop",
  immediate: "C loop, immediate",
};

/** knockd-ng gives memory back to the system a second after its start, and again a second after its warm-up. */
const SETTLED_MS = 2600;

export interface Running {
  readonly subject: Subject;
  readonly pid: number;
  /** Its standard output. */
  says(): string;
  /** The lines that its commands wrote to $KNOCK_LOG. */
  commands(): string[];
  stop(): Promise<unknown>;
}

export interface Job {
  /** The config of knockd-ng and 0.8. */
  config: string;
  /** For the C loop: the ports that it counts, and the command that it runs for each SYN to the last one. */
  ports: readonly number[];
  command?: string;
  args?: readonly string[];
  /** Words before those of knockd-ng and 0.8. */
  by?: readonly string[];
}

/**
 * Starts a program and waits until it listens and is idle. It runs without -v, so that all programs do the same work. The
 * kernel shows when it listens.
 */
export async function start(wire: Wire, subject: Subject, job: Job): Promise<Running> {
  const running = await begin(wire, subject, job);
  await untilListening(running, 60_000);
  await untilSettled(running);
  return running;
}

/** Waits until a program that listens is idle, and will stay idle. */
export async function untilSettled(running: Running): Promise<void> {
  if (running.subject === "ours") await sleep(SETTLED_MS);
  await untilIdle(running);
}

/** Starts a program, and does not wait until it listens. */
export async function begin(wire: Wire, subject: Subject, job: Job): Promise<Running> {
  if (subject === "loop" || subject === "immediate") return startLoop(wire, subject, job);
  const args = ["-i", "eth0", "-c", "@dir@/knockd.conf", ...(job.args ?? [])];
  const daemon = await Daemon.start(wire, subject, job.config, args, { ready: "", by: job.by ?? [] });
  return {
    subject,
    pid: daemon.pid,
    says: () => daemon.stdout,
    commands: () => daemon.commands(),
    stop: () => daemon.stop(subject === "judge" ? "SIGKILL" : "SIGTERM"),
  };
}

/** While libpcap installs a filter, the socket has one of a single instruction that passes nothing. */
export async function untilListening(running: Running, ms: number, stepMs = 20): Promise<void> {
  for (const end = Date.now() + ms; packets(running).filter < 2; await sleep(stepMs)) {
    if (Date.now() > end) throw new Error(`${running.subject} does not listen`);
  }
}

/** The wire treats the C loop like a daemon: it ends it, and the commands write to a file of the wire. */
function startLoop(wire: Wire, subject: "loop" | "immediate", { ports, command }: Job): Running {
  const program = compiled("bench/loop.cc", "build/loop", "-Wl,--no-as-needed", "-lpcap");
  const log = `${wire.dir}/loop-commands`;
  const filter = `tcp and (${ports.map((port) => `dst port ${port}`).join(" or ")})`;
  const mode = subject === "loop" ? "buffered" : "immediate";
  const last = command === undefined ? [] : [`${ports.at(-1)}`, command];
  const child = wire.spawn("server", [program, "eth0", mode, filter, ...last], {
    env: { KNOCK_LOG: log },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  return {
    subject,
    pid: child.pid!,
    says: () => "",
    commands: () => linesOf(log),
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
      rmSync(log, { force: true });
    },
  };
}

const linesOf = (file: string) => (existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : []);

/**
 * Pins the sender to the first processor and the measured program to the others, so that they do not compete for one. The
 * kernel moves packets into the ring on the sender's processor, so each is charged only for its own work.
 */
export function pinApart(running: Pick<Running, "pid">): void {
  if (cpus().length < 2) return;
  pinTo(process.pid, "0"); // the sender is a child of this process
  pinTo(running.pid, `1-${cpus().length - 1}`);
}

/** Undoes `pinApart` for programs that are started from now on: they may run on any processor. */
export function unpin(): void {
  pinTo(process.pid, `0-${cpus().length - 1}`);
}

function pinTo(pid: number, list: string): void {
  execFileSync("taskset", ["-apc", list, `${pid}`], { timeout: 10_000 });
}
