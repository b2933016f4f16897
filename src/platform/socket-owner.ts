// Finds the process that owns a netlink socket, by /proc.

import * as fs from "node:fs";

const NETFILTER = 12;

/** The id of the process with a netfilter netlink socket of this port. Undefined if there is none or we cannot see it. */
export function netlinkOwner(port: number): number | undefined {
  const lines = read("/proc/net/netlink").split("\n").slice(1);
  const fields = lines.map((line) => line.trim().split(/\s+/));
  const inode = fields.find(([, protocol, own]) => Number(protocol) === NETFILTER && Number(own) === port)?.at(-1);
  if (inode === undefined) return undefined;
  const isIt = (pid: string) =>
    names(`/proc/${pid}/fd`).some((fd) => link(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`);
  const pid = names("/proc").find((name) => /^\d+$/.test(name) && isIt(name));
  return pid === undefined ? undefined : Number(pid);
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

/** Empty if the process has ended or belongs to another user. */
function names(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

function link(path: string): string | undefined {
  try {
    return fs.readlinkSync(path);
  } catch {
    return undefined;
  }
}
