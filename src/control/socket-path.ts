// The path of a daemon's socket, which is beside its ledger, and the sockets of all daemons with the same config.

import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { realPath } from "../platform/real-path.ts";
import { nameOf, STATE_DIRECTORY } from "../platform/state-directory.ts";

/** sun_path of unix(7) holds 107 bytes and a terminating zero. */
const LONGEST_PATH = 107;
const END = ".sock";
/** For the group's sockets. The rest of the directory is for root only. */
const GROUP_DIRECTORY = "group";

/** A config has one socket for each choice of interfaces (interfaces.ts). */
export function socketPath(config: string, patterns: readonly string[]): string {
  const [file, interfaces] = [nameOf(realPath(config)), nameOf(patterns.join(","))];
  const path = `${STATE_DIRECTORY}/${file}@${interfaces}${END}`;
  if (Buffer.byteLength(groupSocketOf(path)) <= LONGEST_PATH) return path;
  return `${STATE_DIRECTORY}/${hash(file)}@${hash(interfaces)}${END}`;
}

/** The socket for the group knockd. */
export function groupSocketOf(path: string): string {
  return join(dirname(path), GROUP_DIRECTORY, basename(path));
}

/**
 * The sockets of all daemons with this config, or with any config, running or dead: root's or the group's. Throws the
 * system's error.
 */
export function socketsOf(config: string | undefined, whose: "root's" | "the group's"): string[] {
  const directory = whose === "root's" ? STATE_DIRECTORY : join(STATE_DIRECTORY, GROUP_DIRECTORY);
  const file = config === undefined ? "" : nameOf(realPath(config));
  const starts = config === undefined ? [""] : [`${file}@`, `${hash(file)}@`];
  return fs
    .readdirSync(directory)
    .filter((name) => name.endsWith(END) && starts.some((start) => name.startsWith(start)))
    .map((name) => `${directory}/${name}`)
    .sort();
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
