// The processes and the memory that a daemon uses.
import { readdirSync, readFileSync } from "node:fs";

/** All descendants of this process: 0.8's commands are its grandchildren. */
export function descendants(pid: number): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 4).split(" ")[0]));
    } catch {} // it has ended
  }
  const below = new Set([pid]);
  for (let before = 0; before !== below.size; ) {
    before = below.size;
    for (const [child, parent] of parents) if (below.has(parent)) below.add(child);
  }
  return below.size - 1;
}

/** The peak, in MiB. */
export function mostMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) / 1024);
}
