// The same file is the same config, by whatever path.

import * as fs from "node:fs";

export function realPath(file: string): string {
  try {
    return fs.realpathSync(file);
  } catch {
    return file; // it will be told when it is read
  }
}
