// Runs bench/probe.cc, which reads a daemon's processor time and packet counters from the kernel.
import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { Daemon, type Which } from "../test/live/daemon.ts";
import { compiled, type Wire } from "../test/live/wire.ts";

export interface Packets {
  /** Instructions of the packet socket's filter; 0 while there is no packet socket. */
  filter: number;
  /** Packets that found room in the socket's ring, and those that did not, since the last call. */
  received: number;
  dropped: number;
}

/** Linked statically, because the dynamic linker would take twice as long as the rest of a command. */
export const probe = () => compiled("bench/probe.cc", "build/probe", "-static");

/** The process to measure. */
type Process = Pick<Daemon, "pid">;

const ask = (what: string, { pid }: Process) =>
  JSON.parse(execFileSync(probe(), [what, `${pid}`], { encoding: "utf8", timeout: 10_000 }));

/** Nanoseconds of processor time, user and system, of all threads of the daemon; not of its children. */
export const cpu = (daemon: Process): number => ask("cpu", daemon);

/** The kernel's counters, which are the same for both daemons. */
export const packets = (daemon: Process): Packets => ask("packets", daemon);

/** Starts a daemon without -v and without a log, so that both do the same work. The kernel shows when it listens. */
export async function startQuietly(wire: Wire, which: Which, config: string): Promise<Daemon> {
  const daemon = await Daemon.start(wire, which, config, ["-i", "eth0", "-c", "@dir@/knockd.conf"], { ready: "" });
  // While libpcap installs a filter, the socket has one of a single instruction that passes nothing.
  for (const end = Date.now() + 10_000; packets(daemon).filter < 2; await sleep(20)) {
    if (daemon.ended || Date.now() > end) throw new Error(`${which} does not listen: ${daemon.stderr}`);
  }
  await untilIdle(daemon);
  return daemon;
}

/** Waits until the daemon has used almost no processor time for 125 ms. Returns its total, in nanoseconds. */
export async function untilIdle(daemon: Process): Promise<number> {
  let used = cpu(daemon);
  for (let quiet = 0, tries = 0; quiet < 5; tries++) {
    if (tries > 1200) throw new Error(`process ${daemon.pid} is never idle`);
    await sleep(25);
    const now = cpu(daemon);
    quiet = now - used < 50_000 ? quiet + 1 : 0;
    used = now;
  }
  return used;
}
