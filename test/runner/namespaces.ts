// Removes the network namespaces (../live/wire.ts) of a test file whose process was killed before it could remove them.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";

const FOLDER = "/run/netns";
/** What `ip netns exec` mounts over files in /etc. A test may have put some there. */
const FILES = "/etc/netns";
/** Long, because a busy kernel takes a while to remove a namespace. */
const MAX_MS = 60_000;

/** `ip` lives in /usr/sbin, which is not on everyone's PATH. */
export const PATH = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;

/** The names of wires' namespaces. */
export const namespacePrefix = (pid: number): string => `kn${pid}x`;

export function removeNamespacesOf(pid: number): void {
  if (!existsSync(FOLDER)) return;
  for (const name of readdirSync(FOLDER).filter((name) => name.startsWith(namespacePrefix(pid)))) removeNamespace(name);
}

/** Ends everything that runs in it. */
export function removeNamespace(name: string): void {
  if (!existsSync(`${FOLDER}/${name}`)) return;
  for (let tries = 0, pids = pidsIn(name); pids.length > 0 && tries < 100; tries++, pids = pidsIn(name)) {
    for (const pid of pids) kill(pid);
  }
  ip("netns", "delete", name);
  rmSync(`${FILES}/${name}`, { recursive: true, force: true });
}

const pidsIn = (namespace: string): number[] => ip("netns", "pids", namespace).split("\n").filter(Boolean).map(Number);

/** Kills it. It may have ended already. */
export function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {}
}

export function ip(...args: string[]): string {
  const env = { ...process.env, PATH };
  return execFileSync("ip", args, { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: MAX_MS });
}
