// The folder of this package: the nearest one above with a package.json. Works from dist/ and from the bundled files.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isSingle } from "./single-executable.ts";

/** For a single executable: the folder of the executable. */
export const packageRoot: string = isSingle
  ? dirname(process.execPath)
  : rootAbove(dirname(fileURLToPath(import.meta.url)));

function rootAbove(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : rootAbove(dirname(folder));
}
