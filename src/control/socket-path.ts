// Where a daemon's socket is, beside its ledger; and the sockets of all daemons of one config, for who looks for them.

import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { nameOf, STATE_DIRECTORY } from "../doors/ledger.ts";
import { realPath } from "../real-path.ts";

/** sun_path of unix(7) holds 107 bytes and a zero. */
const LONGEST_PATH = 107;
/** As long as each other: what holds one holds the other. */
const [ROOTS, READERS] = [".sock", ".read"] as const;

/** Of each config, and each choice of interfaces for it (interfaces.ts), its own. */
export function socketPath(config: string, words: readonly string[]): string {
  const [file, interfaces] = [nameOf(realPath(config)), nameOf(words.join(","))];
  const path = `${STATE_DIRECTORY}/${file}@${interfaces}${ROOTS}`;
  if (Buffer.byteLength(path) <= LONGEST_PATH) return path;
  return `${STATE_DIRECTORY}/${hash(file)}@${hash(interfaces)}${ROOTS}`;
}

/** The one beside it for the group that may look. */
export function readersSocketOf(path: string): string {
  return `${path.slice(0, -ROOTS.length)}${READERS}`;
}

/**
 * Of all that may listen with this config, dead or alive; for root, or for the group. Throws in the system's words.
 */
export function socketsOf(config: string, whose: "root's" | "readers'"): string[] {
  const file = nameOf(realPath(config));
  const starts = [`${file}@`, `${hash(file)}@`];
  return fs
    .readdirSync(STATE_DIRECTORY)
    .filter(
      (name) => name.endsWith(whose === "root's" ? ROOTS : READERS) && starts.some((start) => name.startsWith(start)),
    )
    .map((name) => `${STATE_DIRECTORY}/${name}`)
    .sort();
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
