// Where this package lies: the folder of the nearest package.json above, from dist/ as from the one file that is shipped.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isSingle } from "./single-executable.ts";

/** Of a single executable, the folder that it lies in. */
export const packageRoot: string = isSingle
  ? dirname(process.execPath)
  : rootAbove(dirname(fileURLToPath(import.meta.url)));

function rootAbove(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : rootAbove(dirname(folder));
}
