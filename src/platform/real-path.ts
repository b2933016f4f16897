// One file is one config, whatever path leads to it.

import * as fs from "node:fs";

export function realPath(file: string): string {
  try {
    return fs.realpathSync(file);
  } catch {
    return file; // reading the file will report the error
  }
}
