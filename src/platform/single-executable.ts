// The single executable that `npm run single` makes. It contains Node, our programs, the addon and libpcap, and can be copied
// anywhere (https://nodejs.org/api/single-executable-applications.html).

import * as fs from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { systemErrorText } from "./system-error.ts";

interface Sea {
  isSea(): boolean;
  getAsset(name: string, encoding: "utf8"): string;
  getRawAsset(name: string): ArrayBuffer;
}

/** Directories for the addon's temporary file. In most containers, one of them is writable and lets libraries be loaded. */
const DIRECTORIES = [tmpdir(), "/dev/shm", "/run", "/var/tmp"];

/** open(2). Node does not name it. */
const O_TMPFILE = 0o20000000 | fs.constants.O_DIRECTORY;
const CURE = "In a container with a read-only root, add --tmpfs /tmp:exec, or set HOME to a directory of a volume.";

// Exists since Node 20.16. Older versions cannot make a single executable.
const { getBuiltinModule } = process as { getBuiltinModule?: (name: string) => unknown };
const sea = getBuiltinModule?.("node:sea") as Sea | undefined;

/** Does this code run in a single executable, not as a script? */
export const isSingle: boolean = sea?.isSea() ?? false;

/** The text of a file that is embedded in the executable. */
export function embeddedText(name: string): string {
  return sea!.getAsset(name, "utf8");
}

/**
 * Loads the embedded addon, through a temporary file: the kernel maps code from files only. Throws an Error with one line if
 * that works in no directory.
 */
export function loadEmbedded(name: string): unknown {
  const bytes = new Uint8Array(sea!.getRawAsset(name));
  const failures: string[] = [];
  for (const directory of [...DIRECTORIES, ...volumes()]) {
    try {
      return loadUnnamed(directory, bytes);
    } catch {}
  }
  for (const directory of DIRECTORIES) {
    try {
      return loadNamed(directory, bytes);
    } catch (error) {
      failures.push(`${directory} (${reason(error)})`);
    }
  }
  throw new Error(`code may run from a temporary file in none of ${failures.join(", ")}. ${CURE}`);
}

/** Directories that may be volumes. Even if another user owns them, a file without a name is safe there. */
function volumes(): readonly string[] {
  try {
    return [homedir(), process.cwd()];
  } catch {
    return []; // no such user, or the directory has been removed
  }
}

/** The system's words, or those of the dynamic linker without the path. */
function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "ERR_DLOPEN_FAILED" ? message.trim().replace(/^.*?: /, "") : systemErrorText(error);
}

/**
 * Through a file that never has a name. If the executable has capabilities, its user must not be able to replace the code
 * before it is loaded.
 */
function loadUnnamed(directory: string, bytes: Uint8Array): unknown {
  const file = fs.openSync(directory, O_TMPFILE | fs.constants.O_RDWR, 0o500);
  try {
    fs.writeFileSync(file, bytes);
    return load(`/proc/self/fd/${file}`);
  } finally {
    fs.closeSync(file);
  }
}

/** For file systems without such files (overlayfs before Linux 6.1), and without /proc. */
function loadNamed(parent: string, bytes: Uint8Array): unknown {
  const directory = fs.mkdtempSync(join(parent, "knockd-"));
  try {
    const file = join(directory, "addon.node");
    fs.writeFileSync(file, bytes, { mode: 0o500 });
    return load(file);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function load(path: string): unknown {
  const module = { exports: {} };
  process.dlopen(module, path);
  return module.exports;
}
