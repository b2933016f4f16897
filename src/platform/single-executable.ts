// The one file that `npm run single` makes: Node, our programs, the addon and libpcap, to be copied anywhere
// (https://nodejs.org/api/single-executable-applications.html).

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Sea {
  isSea(): boolean;
  getAsset(name: string, encoding: "utf8"): string;
  getRawAsset(name: string): ArrayBuffer;
}

/** Where the addon may lie for a moment: one of these can be written, and lets libraries be loaded, in most containers. */
const DIRECTORIES = [tmpdir(), "/dev/shm", "/run", "/var/tmp"];

// Since Node 20.16; older ones make no such file.
const { getBuiltinModule } = process as { getBuiltinModule?: (name: string) => unknown };
const sea = getBuiltinModule?.("node:sea") as Sea | undefined;

/** Are we in that file, and not a script that Node runs? */
export const isSingle: boolean = sea?.isSea() ?? false;

/** The text of a file of the package that came with it. */
export function embeddedText(name: string): string {
  return sea!.getAsset(name, "utf8");
}

/**
 * Loads the addon that came with it: by way of a file, which is gone afterwards. Throws the last error when no directory
 * takes it.
 */
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
