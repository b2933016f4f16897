// A small disk in a daemon's mount namespace, which a test can fill or make read-only.
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon, type StartOptions } from "./daemon.ts";
import { filling, inMountsOf } from "./mount-namespace.ts";
import type { Wire } from "./wire.ts";

/**
 * How the disk fails, the system's error text, and how it is made to fail: before the start, and while the daemon runs.
 */
export const FAULTS = [
  {
    what: "full",
    words: "No space left on device",
    broken: `${filling('"$DISK"', "private-disk")} 2>/dev/null`,
    begin: fill,
    end: makeRoom,
  },
  {
    what: "read-only",
    words: "Read-only file system",
    broken: 'mount -o remount,ro "$DISK"',
    begin: makeReadOnly,
    end: makeWritable,
  },
] as const;

export interface Disk {
  readonly daemon: Daemon;
  /** The disk's path, as the test sees it. */
  readonly path: string;
  readonly name: string;
  /** The disk's path in the daemon's namespace. */
  run(...argv: string[]): Promise<void>;
}

function fill({ path }: Disk): void {
  // Filled to the last byte: if a page were free, a short file would still fit.
  assert.throws(() => writeFileSync(join(path, "filler"), Buffer.alloc(1 << 20)), /ENOSPC/);
}
function makeRoom({ path }: Disk): void {
  rmSync(join(path, "filler"));
}
/**
 * As a disk that the kernel considers broken: a file system with an open file can't be made read-only in the usual way.
 */
async function makeReadOnly({ run, name }: Disk): Promise<void> {
  await run("mount", "--bind", name, name);
  await run("mount", "-o", "remount,bind,ro", name);
}
async function makeWritable({ run, name }: Disk): Promise<void> {
  await run("umount", name);
}

let disks = 0;

/** Our daemon, with its files on the disk. `@disk@` is the disk in its config and arguments. */
export async function startOnDisk(
  wire: Wire,
  config: string,
  files: Record<string, string>,
  more: StartOptions & { readonly args: readonly string[] },
): Promise<Disk> {
  const name = join(wire.dir, `disk${++disks}`);
  mkdirSync(name);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(name, file), text, { mode: 0o600 });
  const here = (text: string) => text.replaceAll("@disk@", name);
  const { args, ...options } = more;
  const all = { ...options, syslog: true, disk: name };
  const daemon = await Daemon.start(wire, "ours", here(config), args.map(here), all);
  return { daemon, name, ...seenBy(wire, daemon.pid, name) };
}

export function seenBy(wire: Wire, pid: number, name: string): Pick<Disk, "path" | "run"> {
  const run = async (...argv: string[]) => {
    const { status, stderr } = await wire.run("server", inMountsOf(pid, ...argv));
    assert.equal(status, 0, stderr);
  };
  return { path: `/proc/${pid}/root${name}`, run };
}
