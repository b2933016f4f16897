// Where a daemon's socket is, beside its ledger; and the sockets of all daemons of one config, for who looks for them.

import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { realPath } from "../platform/real-path.ts";
import { nameOf, STATE_DIRECTORY } from "../platform/state-directory.ts";

/** sun_path of unix(7) holds 107 bytes and a zero. */
const LONGEST_PATH = 107;
const END = ".sock";
/** Where the group's sockets are: the rest of that directory is for root alone. */
const GROUP_DIRECTORY = "group";

/** Of each config, and each choice of interfaces for it (interfaces.ts), its own. */
export function socketPath(config: string, patterns: readonly string[]): string {
  const [file, interfaces] = [nameOf(realPath(config)), nameOf(patterns.join(","))];
  const path = `${STATE_DIRECTORY}/${file}@${interfaces}${END}`;
  if (Buffer.byteLength(groupSocketOf(path)) <= LONGEST_PATH) return path;
  return `${STATE_DIRECTORY}/${hash(file)}@${hash(interfaces)}${END}`;
}

/** The one for the group that may look. */
export function groupSocketOf(path: string): string {
  return join(dirname(path), GROUP_DIRECTORY, basename(path));
}

/**
 * Of all that may listen with this config, dead or alive; for root, or for the group. Throws in the system's words.
 */
export function socketsOf(config: string, whose: "root's" | "the group's"): string[] {
  const directory = whose === "root's" ? STATE_DIRECTORY : join(STATE_DIRECTORY, GROUP_DIRECTORY);
  const file = nameOf(realPath(config));
  const starts = [`${file}@`, `${hash(file)}@`];
  return fs
    .readdirSync(directory)
    .filter((name) => name.endsWith(END) && starts.some((start) => name.startsWith(start)))
    .map((name) => `${directory}/${name}`)
    .sort();
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
