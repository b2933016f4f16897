// The single executable that `npm run single` makes. It contains Node, our programs, the addon and libpcap, and can be copied
// anywhere (https://nodejs.org/api/single-executable-applications.html).

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Sea {
  isSea(): boolean;
  getAsset(name: string, encoding: "utf8"): string;
  getRawAsset(name: string): ArrayBuffer;
}

/** Directories for the addon's temporary file. In most containers, one of them is writable and lets libraries be loaded. */
const DIRECTORIES = [tmpdir(), "/dev/shm", "/run", "/var/tmp"];

// Exists since Node 20.16. Older versions cannot make a single executable.
const { getBuiltinModule } = process as { getBuiltinModule?: (name: string) => unknown };
const sea = getBuiltinModule?.("node:sea") as Sea | undefined;

/** Does this code run in a single executable, not as a script? */
export const isSingle: boolean = sea?.isSea() ?? false;

/** The text of a file that is embedded in the executable. */
export function embeddedText(name: string): string {
  return sea!.getAsset(name, "utf8");
}

/** Loads the embedded addon, through a temporary file. Throws the last error if that works in no directory. */
export function loadEmbedded(name: string): unknown {
  const bytes = new Uint8Array(sea!.getRawAsset(name));
  let last: unknown;
  for (const parent of DIRECTORIES) {
    let directory: string | undefined;
    try {
      directory = fs.mkdtempSync(join(parent, "knockd-"));
      const file = join(directory, name);
      fs.writeFileSync(file, bytes, { mode: 0o500 });
      const module = { exports: {} };
      process.dlopen(module, file);
      return module.exports;
    } catch (error) {
      last = error;
    } finally {
      if (directory !== undefined) fs.rmSync(directory, { recursive: true, force: true });
    }
  }
  throw last;
}
