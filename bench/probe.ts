// bench/probe.cc, asked from here, and the daemon that it is asked about.
import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { Daemon, type Which } from "../test/live/daemon.ts";
import { compiled, type Wire } from "../test/live/wire.ts";

export interface Packets {
  /** Instructions of the packet socket's filter; 0 while there is no packet socket. */
  filter: number;
  /** Packets that got room in the socket's ring, and those that did not, since the last time this was asked. */
  received: number;
  dropped: number;
}

/** Static: the dynamic linker takes twice as long as all the rest of a command, and is no daemon's doing. */
export const probe = () => compiled("bench/probe.cc", "build/probe", "-static");

/** Whoever it is asked about. */
type Process = Pick<Daemon, "pid">;

const ask = (what: string, { pid }: Process) =>
  JSON.parse(execFileSync(probe(), [what, `${pid}`], { encoding: "utf8", timeout: 10_000 }));

/** Nanoseconds of processor time, user and system, of all threads of the daemon; not of its children. */
export const cpu = (daemon: Process): number => ask("cpu", daemon);

/** The kernel's own count, for both daemons alike. */
export const packets = (daemon: Process): Packets => ask("packets", daemon);

/** Without -v and without a log, so that both do the same work. The kernel then shows when the daemon is ready. */
export async function startQuietly(wire: Wire, which: Which, config: string): Promise<Daemon> {
  const daemon = await Daemon.start(wire, which, config, ["-i", "eth0", "-c", "@dir@/knockd.conf"], { ready: "" });
  // A filter of one instruction is libpcap's own, which lets nothing through while the true one is put in place.
  for (const end = Date.now() + 10_000; packets(daemon).filter < 2; await sleep(20)) {
    if (daemon.ended || Date.now() > end) throw new Error(`${which} does not listen: ${daemon.stderr}`);
  }
  await untilIdle(daemon);
  return daemon;
}

/** Until the daemon has used next to no processor time for an eighth of a second; resolves with what it has used in all. */
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
